"""What commands share that make pictures in their own process: the configuration, the store and the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable
    from pathlib import Path

    from mien_daemon.config import Config
    from mien_models.store import ModelStore
    from mien_pipeline.runtime import Runtime

# Fetched without being named: all small networks. An engine's own weights are gigabytes.
STARTER = "starter"


def load_config(args: Namespace) -> Config:
    """The configuration that flags and environment name."""
    from mien_daemon.config import Config

    return Config.load({"offline": args.offline or None}, state_dir=args.state_dir, models_dir=args.models_dir)


def open_store(args: Namespace) -> ModelStore:
    """The model store that flags and environment name."""
    from mien_models.catalogue.entries import load_catalogue
    from mien_models.exchange.other_caches import hub_cache
    from mien_models.store import ModelStore

    config = load_config(args)
    return ModelStore(config.folders.models, load_catalogue(), offline=config.settings.offline, caches=(hub_cache(),))


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

    return Runtime(store, authority)


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
    """The pictures of one person that a command line names: files, and all files of the folders, sorted by name.

    Hidden files of a folder are left out, and so are those in folders below it.

    Raises:
        InvalidImage: `file` is a folder without files.
        TooManyPictures: there are more than are read.
    """
    from mien_core.errors import InvalidImage
    from mien_pipeline.options import require_readable_count

    found: list[Path] = []
    for path in paths:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        own = [each for each in files if each == path or (each.is_file() and not each.name.startswith("."))]
        if not own:
            raise InvalidImage(f"{path} is a folder without a picture", file=str(path))
        found += own
    require_readable_count(len(found))
    return found
