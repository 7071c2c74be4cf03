"""What commands share that make pictures in their own process: the configuration, the store and the runtime."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable
    from pathlib import Path

    from mien_daemon.config import Config
    from mien_models.store import ModelStore
    from mien_pipeline.memory_limits import MemoryLimits
    from mien_pipeline.runtime import Runtime

# Fetched without being named: all small networks. An engine's own weights are gigabytes.
STARTER = "starter"
# More than any format needs to be known by.
_HEAD_BYTES = 512


def claim_process(args: Namespace) -> None:
    """Make a process that ends with its picture quick, if the command has it to itself: call it first.

    Garbage is not collected until `open_runtime` has imported what a swap needs: the imports make a hundred thousand
    objects that stay, and Python would walk through them again and again. Freed memory is kept.
    """
    if args.owns_process:
        from mien_core.freed_memory import keep_freed_memory

        gc.disable()
        keep_freed_memory()


def load_config(args: Namespace) -> Config:
    """The configuration that flags and environment name."""
    from mien_daemon.config import Config

    return Config.load({"offline": args.offline or None}, state_dir=args.state_dir, models_dir=args.models_dir)


def open_store(args: Namespace) -> ModelStore:
    """The model store that flags and environment name."""
    from mien_models.open_store import open_store

    config = load_config(args)
    return open_store(config.folders.models, offline=config.settings.offline)


def fetch_missing(store: ModelStore, names: Iterable[str], *, quiet: bool) -> None:
    """Pull the models that a command needs and that are missing, and say so.

    Raises:
        Offline, LicenceNotAccepted, DownloadFailed: as `ModelStore.pull` says.
    """
    from mien_cli.output import print_note
    from mien_cli.progress_bars import show_pull_progress

    if missing := store.missing(names):
        if not store.offline:
            print_note(f"Fetching {', '.join(missing)}: once, then no network is needed.")
        with show_pull_progress(quiet=quiet) as listen:
            store.pull(missing, listen)


def fetch_needed(store: ModelStore, engine: str, *, quiet: bool) -> None:
    """Pull the small networks that a swap with this engine needs. Its own large ones are pulled by name only."""
    from mien_pipeline.engines.registry import needed_models

    needed = set(needed_models(engine))
    starter = [name for name in store.catalogue.resolve([STARTER]) if name in needed]
    fetch_missing(store, starter, quiet=quiet)


def open_runtime(args: Namespace, store: ModelStore, *, caged: bool = True) -> Runtime:
    """A runtime in this process, on a state folder that only this user can read; the cage closes first.

    `caged` is False for a command that must reach the secret store afterwards.

    Raises:
        MarkingFailed: results could not be signed.
    """
    from mien_api.folders import make_private
    from mien_pipeline.trust.authority import Authority
    from mien_pipeline.trust.time_stamp import time_stamp_url

    state = load_config(args).folders.state
    make_private(state)
    authority = Authority(state)
    if caged:
        authority.hold()  # the cage has no way to the secret store
        close_cage(args, web=not store.offline and time_stamp_url() is not None)
    from mien_pipeline.runtime import Runtime

    if args.owns_process:
        gc.freeze()
        gc.enable()
    return Runtime(store, authority, open_limits(args))


def open_limits(args: Namespace) -> MemoryLimits:
    """How much memory engines may plan with on this machine, where they ran out before."""
    from mien_pipeline.memory_limits import MACHINE_FOLDER, MemoryLimits

    return MemoryLimits(load_config(args).folders.state / MACHINE_FOLDER)


def close_cage(
    args: Namespace, *, web: bool = False, readable: Iterable[Path] | None = None, memory_bytes: int | None = None
) -> None:
    """Close the cage around this process, if the command has it to itself.

    Args:
        web: a time-stamp authority is asked.
        readable: all that is opened from now on; None leaves files open, because the result goes where the person says.
        memory_bytes: None for nearly all of the machine's.
    """
    if not args.owns_process:
        return
    from mien_core.cage import walls

    walls.close(
        walls.Cage(
            readable=tuple(readable or ()),
            memory_bytes=memory_bytes or walls.most_memory_bytes(),
            web=web,
            accelerator=walls.has_accelerator(),
            holds_files=readable is not None,
        )
    )


def read_picture(path: Path) -> bytes:
    """The bytes of a file that a person named.

    Raises:
        InvalidImage: `file` cannot be read.
        ImageTooLarge: it has more than `limit_bytes`.
    """
    from mien_core.errors import ImageTooLarge, InvalidImage
    from mien_pipeline.media.probe import MAX_FILE_BYTES

    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ImageTooLarge(f"{path.name} has {size} bytes", file=str(path), limit_bytes=MAX_FILE_BYTES)
        return path.read_bytes()
    except OSError as error:
        raise InvalidImage(f"{path} cannot be read: {error.strerror}", file=str(path)) from error


def list_pictures(paths: Iterable[Path]) -> list[Path]:
    """The pictures of one person that a command line names: files, and all pictures of the folders, sorted by name.

    Hidden files of a folder are left out, and so are those in folders below it. Other files that are no pictures, as
    cameras and systems lay them beside, are left out and named.

    Raises:
        InvalidImage: `file` is a folder without a picture.
        TooManyPictures: there are more than are read.
    """
    from mien_cli.output import print_note
    from mien_core.errors import InvalidImage
    from mien_pipeline.options import require_readable_count

    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        files = [each for each in sorted(path.iterdir()) if each.is_file() and not each.name.startswith(".")]
        pictures = [each for each in files if _looks_like_a_picture(each)]
        if not pictures:
            raise InvalidImage(f"{path} is a folder without a picture", file=str(path))
        if strays := [str(each) for each in files if each not in pictures]:
            print_note(f"left out, because they are no pictures: {', '.join(strays)}")
        found += pictures
    require_readable_count(len(found))
    return found


def _looks_like_a_picture(path: Path) -> bool:
    """Whether the first bytes are those of a picture; a file that cannot be read is one, and refused when it is."""
    from mien_pipeline.media.kinds import READABLE, kind_of

    try:
        with path.open("rb") as file:
            return kind_of(file.read(_HEAD_BYTES)) in READABLE.values()
    except OSError:
        return True
