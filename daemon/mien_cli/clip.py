"""What `mien swap` and `mien clip` share: a clip on the command line, its run's folder, and what is told of it."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ActionsContainer  # pyright: ignore[reportPrivateUsage]
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mien_api.client import DaemonClient
    from mien_cli.result_file import ResultPlace
    from mien_pipeline.clip_options import ClipOptions
    from mien_pipeline.options import SwapOptions

# Runs that were killed and never taken up again hold pictures of faces: they go when the next clip is edited.
KEPT_DAYS = 14
_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")
RUNS = "clips"  # the folders of runs, below the state folder
LOOK = "analysis.npz"  # in a folder of its own among the runs
_ADVISED = {"new-codec": "--encoder h264"}  # warning → the option that its last words are about
CLIP_ARGUMENTS = ("begin", "end", "encoder", "quality", "every", "workers", "restart")


def add_clip_arguments(parser: ArgumentParser) -> None:
    """Add the options that only a clip takes."""
    from mien_daemon.worker.count import parse_workers

    group = parser.add_argument_group("clips")
    add_result_arguments(group)
    group.add_argument(
        "--workers",
        type=parse_workers,
        metavar="N|auto",
        help="how many processes render the clip, each a stretch of it at a time, and no daemon (default: auto, one "
        "a processor)",
    )
    group.add_argument(
        "--restart", action="store_true", default=None, help="begin anew, and not where the last run was ended"
    )


def add_result_arguments(group: _ActionsContainer) -> None:
    """Add what the result of a clip depends on."""
    add_part_arguments(group)
    group.add_argument(
        "--encoder",
        choices=("auto", "av1", "h264", "hevc", "vp9"),
        help="auto keeps the clip's own codec where this machine's system or card encodes it, else writes AV1; h264 "
        "and hevc may be x264's and x265's, which are under the GPL (default: auto)",
    )
    group.add_argument(
        "--every",
        type=int,
        metavar="N",
        help="render every Nth picture of a face, up to 30, and carry the new face along in those between: quicker "
        "with engines that take seconds a picture (default: 1)",
    )
    add_quality_argument(group, "of a clip's pictures (default: 70), or of a JPEG, WebP or AVIF (95, 92 and 85)")


def add_quality_argument(group: _ActionsContainer, help: str) -> None:
    group.add_argument("--quality", type=int, metavar="1..100", help=help)


def add_part_arguments(parser: _ActionsContainer) -> None:
    """Add what says which part of a clip is meant."""
    parser.add_argument(
        "--from", dest="begin", metavar="T", help="where the part begins: seconds, or H:M:S, from the first picture on"
    )
    parser.add_argument("--to", dest="end", metavar="T", help="where it ends")


def is_clip(path: Path) -> bool:
    """Whether a file is a clip or an animation, by its first bytes; one that cannot be read is refused later."""
    from mien_pipeline.media.kinds import looks_like_clip, read_head

    try:
        return looks_like_clip(read_head(path))
    except OSError:
        return False


def refuse_clip_arguments(args: Namespace) -> None:
    """Return if no option was given that a picture does not take.

    Raises:
        InvalidOptions: `field` is the one.
    """
    from mien_core.errors import InvalidOptions

    for name, said in (("begin", "from"), ("end", "to"), *((each, each) for each in CLIP_ARGUMENTS[2:])):
        if said != "quality" and getattr(args, name) is not None:
            raise InvalidOptions(f"--{said} is for clips, and {args.target} is none", field=said)


def with_format(args: Namespace, place: ResultPlace) -> Namespace:
    """The arguments with the result's format: what its name asks for, or `--set format=`, or MP4.

    It is no longer among the settings, which are the engine's: a picture has other formats.

    Raises:
        InvalidOptions: as `ResultPlace.clip_format`.
    """
    from argparse import Namespace

    from mien_cli.edit_arguments import parse_setting

    settings = [(each, *parse_setting(each)) for each in args.set]
    wanted = next((value for _, name, value in reversed(settings) if name == "format"), None)
    own = [each for each, name, _ in settings if name != "format"]
    return Namespace(**{**vars(args), "set": own, "format": place.clip_format(wanted) or wanted or "mp4"})


def read_clip_options(args: Namespace) -> ClipOptions:
    """The clip's options.

    Raises:
        InvalidOptions: `field` names the one.
    """
    from mien_pipeline.clip_options import parse_clip_options

    return parse_clip_options(list_clip_options(args))


def list_clip_options(args: Namespace) -> dict[str, object]:
    """What was given of the clip's options, by the names that people and the API give them; times in seconds."""
    raw: dict[str, object] = {
        "from": read_time(args.begin, "from"),
        "to": read_time(args.end, "to"),
        "format": getattr(args, "format", None),
        "encoder": getattr(args, "encoder", None),
        "quality": getattr(args, "quality", None),
        "every": getattr(args, "every", None),
    }
    return {name: value for name, value in raw.items() if value is not None}


def read_time(text: str | None, field: str) -> float | None:
    """Seconds from `12.5`, `1:02.5` or `0:01:02`.

    Raises:
        InvalidOptions: it is none of these.
    """
    from mien_core.errors import InvalidOptions

    if text is None:
        return None
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise InvalidOptions(f"{field}: {text!r} is neither seconds nor H:M:S", field=field)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def swap_clip(
    args: Namespace,
    place: ResultPlace,
    references: Sequence[Sequence[bytes]],
    options: SwapOptions,
    alike: Sequence[bytes],
) -> tuple[Path, dict[str, Any]] | None:
    """(file, report) of a clip that is swapped in this process; None where the file is there already and is kept.

    Args:
        args: the command's.
        place: where the result goes.
        references: the pictures of each person.
        options: the engine's.
        alike: the pictures by which people of the clip are found.
    """
    from mien_cli.in_process import fetch_needed, load_config, open_runtime, open_store
    from mien_cli.progress_bars import show_job_progress
    from mien_cli.result_file import make_folder
    from mien_pipeline.choice.choose import settle_for_clip
    from mien_pipeline.clip_options import require_clip_options, require_clips
    from mien_pipeline.option_parts import require_parts

    require_clips()
    from mien_daemon.worker.segment_helpers import set_up_helpers, start_helpers
    from mien_pipeline.clips.report import describe_clip
    from mien_pipeline.clips.run_names import hash_clip, name_look, name_run
    from mien_pipeline.swap_clip import open_target

    clip_options = read_clip_options(args)
    output = place.clip_output(clip_options.format)
    require_clip_options(options)
    store = open_store(args)
    options = settle_for_clip(options, store, only_here=True)
    if place.makes_folder:
        make_folder(output.path.parent)
    if output.check(args.target.stat().st_size):
        return None
    require_parts(options, store)
    fetch_needed(store, options.engine, quiet=args.json)
    folders = load_config(args).folders
    runs = folders.state / RUNS
    written: list[Path] = []

    def write(make: Callable[[Path], None]) -> None:
        written.append(output.make(make).path)

    with start_helpers(count_helpers(args, options)) as helpers:
        runtime = open_runtime(args, store)  # from here on the process is caged
        digest = hash_clip(args.target)
        folder = runs / name_run(digest, references, options, clip_options)
        forget_runs(runs, folder, restart=bool(args.restart))
        with show_job_progress(quiet=args.json) as show:
            target = open_target(args.target, clip_options, folder, write)
            if helpers := helpers[: target.count_segments() - 1]:
                asked = options.model_dump(mode="json", exclude_unset=True) | {"engine": options.engine}
                set_up_helpers(helpers, (folders.models, folders.state), target.clip.path, folder, references, asked)
            target = replace(target, helpers=helpers, look=runs / name_look(digest, clip_options) / LOOK)
            made = runtime.swap_clip(target, references, options, lambda at: show(at.stage, at.fraction), alike)
    return written[0], describe_clip(made)


def swap_by_daemon(
    args: Namespace,
    daemon: DaemonClient,
    place: ResultPlace,
    references: Sequence[Sequence[bytes] | str],
    options: SwapOptions,
    alike: Sequence[bytes],
) -> tuple[Path, dict[str, Any]] | None:
    """The same by a daemon; it continues the job after its own death or its worker's. See `swap_clip`.

    `references` may be people of the library, as "ref:ID".
    """
    from mien_cli.edit_arguments import name_pictures
    from mien_cli.in_process import fetch_needed, open_store
    from mien_cli.progress_bars import show_job_progress
    from mien_cli.result_file import make_folder
    from mien_pipeline.clip_options import require_clip_options

    output = place.clip_output(read_clip_options(args).format)
    require_clip_options(options)
    if place.makes_folder:
        make_folder(output.path.parent)
    if output.check(args.target.stat().st_size):
        return None
    fetch_needed(open_store(args), options.engine, quiet=args.json)
    asked = {**options.model_dump(mode="json", exclude_none=True), **list_clip_options(args)}
    with show_job_progress(quiet=args.json) as show:
        done = daemon.swap_clip(
            args.target,
            references,
            asked,
            lambda job: show(job["stage"] or job["state"], job["progress"]),
            alike,
            name_pictures(args),
        )
    written = output.make(lambda path: daemon.save_result(done["id"], path))
    return written.path, done["result"]


def count_helpers(args: Namespace, options: SwapOptions) -> int:
    """How many processes render segments beside this one; none beside an accelerator, which one keeps busy."""
    from mien_daemon.worker.count import count_workers
    from mien_pipeline.device import device_name
    from mien_pipeline.engines.registry import ENGINES

    entry = ENGINES[options.engine]
    accelerated = bool(entry.libraries) and device_name() != "cpu"
    return count_workers(args.workers or "auto", entry.memory_bytes, accelerated=accelerated) - 1


def forget_runs(runs: Path, own: Path, *, restart: bool) -> None:
    """Remove runs that were not taken up again for two weeks, and with `restart` the own one."""
    import shutil

    oldest = time.time() - KEPT_DAYS * 86400
    for folder in runs.iterdir() if runs.is_dir() else ():
        if folder.stat().st_mtime < oldest or (restart and folder == own):
            shutil.rmtree(folder, ignore_errors=True)


def to_text(report: Mapping[str, Any]) -> str:
    """Engine, time and encoder, and what became of each person of the clip."""
    from mien_core.languages import look_up

    video = report["video"]
    went_on = ", gone on from an earlier run" if video["resumed"] else ""
    lines = [
        f"({report['engine']}, {report['seconds']:.1f} s{went_on}; {video['frames']} pictures, "
        f"{video['duration_s']:.1f} s, {video['encoder']}, sound {video['audio']})",
        *(_say_warning(warning) for warning in report["warnings"]),
    ]
    for person in report["people"]:
        if not person["swapped"]:
            lines.append(f"person {person['id']}: left alone in {person['frames']} pictures")
            continue
        identity = person["identity"]
        scores = (
            f"{identity['to_reference']:.2f} like the reference, {identity['least']:.2f} at least"
            if identity
            else "not measured"
        )
        lines.append(
            f"person {person['id']}: swapped in {person['swapped']} of {person['frames']} pictures, {scores}, "
            f"likeness {person['verdict']}"
        )
        lines += [
            f"    {warning}, {count} pictures: {look_up('warnings', warning)}"
            for warning, count in person["warnings"].items()
        ]
    return "\n".join(lines)


def _say_warning(warning: str) -> str:
    """The sentence, and the option that its advice is about."""
    from mien_core.languages import look_up

    said = look_up("warnings", warning)
    return f"{said.removesuffix('.')}: {_ADVISED[warning]}" if warning in _ADVISED else said
