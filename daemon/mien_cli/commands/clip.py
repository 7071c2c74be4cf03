"""`mien clip analyse`: who is in a clip, when, and what hides them, before the long part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    import PIL.Image

    from mien_api.client import DaemonClient
    from mien_pipeline.clips.analysis import Analysis
    from mien_pipeline.media.clip.probe import ClipInfo
    from mien_pipeline.runtime import Runtime

DESCRIPTION = "Find the people of a clip. Their numbers are what `mien swap CLIP --faces 0,2` takes."
PEOPLE = "people.json"


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.clip import add_part_arguments
    from mien_cli.result_file import add_exists_argument

    actions = parser.add_subparsers(metavar="ACTION", required=True)
    analysing = actions.add_parser("analyse", help="the people, a picture of each, their spans and what hides them")
    analysing.add_argument("clip", type=Path, metavar="CLIP")
    analysing.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="default: CLIP's name with -people, beside the clip"
    )
    add_exists_argument(analysing)
    add_part_arguments(analysing)
    analysing.add_argument("--local", action="store_true", help="in this process, even if a daemon is running")
    analysing.set_defaults(run=analyse)


def analyse(args: Namespace) -> int:
    import json

    from mien_cli.clip import is_clip
    from mien_cli.commands.swap import find_daemon
    from mien_cli.in_process import claim_process
    from mien_cli.output import print_answer
    from mien_cli.result_file import check_new_folder, make_folder
    from mien_core.errors import UnsupportedClip
    from mien_core.outputs import Exists, write_together

    claim_process(args)
    if not is_clip(args.clip):
        raise UnsupportedClip(f"{args.clip} is no clip", stream="container", reason="no-clip", file=str(args.clip))
    folder: Path = args.output or args.clip.with_name(f"{args.clip.stem}-people")
    if not folder.is_dir():
        check_new_folder(folder)
    daemon = None if args.local else find_daemon(args)
    described, portraits = look_by_daemon(args, daemon) if daemon else look_here(args)
    crops = {f"person-{number}.jpg": portrait for number, portrait in enumerate(portraits)}
    make_folder(folder)
    written = write_together(
        folder, {PEOPLE: json.dumps(described, indent=2).encode(), **crops}, Exists(args.exists or "number")
    )
    report = {
        "output": str(written[PEOPLE]),
        **described,
        "pictures": [str(written[name]) for name in crops],
    }
    return print_answer(args, report, to_text(report))


def look_here(args: Namespace) -> tuple[dict[str, Any], list[bytes]]:
    """What is said of the clip, and a JPEG of each person, by this process. A swap of it does not look again."""
    import PIL.Image

    from mien_cli.clip import LOOK, forget_runs, read_clip_options
    from mien_cli.in_process import fetch_needed, load_config, open_runtime, open_store
    from mien_core.files import make_folder
    from mien_pipeline.clips.report import describe_people
    from mien_pipeline.clips.run_names import hash_clip, name_look

    store = open_store(args)
    fetch_needed(store, "mesh", quiet=args.json)
    state = load_config(args).folders.state
    runtime = open_runtime(args, store)  # from here on the process is caged
    found, clip = look(args, runtime, state)
    kept = state / "clips" / name_look(hash_clip(args.clip), read_clip_options(args))
    forget_runs(kept.parent, kept, restart=False)
    make_folder(kept)
    found.save(kept / LOOK)
    return describe_people(found, clip), [to_jpeg(PIL.Image.fromarray(person.portrait)) for person in found.people]


def look_by_daemon(args: Namespace, daemon: DaemonClient) -> tuple[dict[str, Any], list[bytes]]:
    """The same by a daemon; the faces are cut out of its one picture of them."""
    import io

    import PIL.Image

    from mien_cli.clip import list_clip_options
    from mien_cli.progress_bars import show_job_progress

    with show_job_progress(quiet=args.json) as show:
        picture, told = daemon.analyse_clip(
            args.clip, list_clip_options(args), lambda job: show(job["stage"] or job["state"], job["progress"])
        )
    people = [{name: said for name, said in person.items() if name != "crop"} for person in told["people"]]
    described = {name: said for name, said in told.items() if name not in {"seconds", "stages"}}
    with PIL.Image.open(io.BytesIO(picture)) as sheet:
        places = [(x, y, x + width, y + height) for x, y, width, height in (each["crop"] for each in told["people"])]
        portraits = [to_jpeg(sheet.crop(place)) for place in places]
    return {**described, "people": people}, portraits


def look(args: Namespace, runtime: Runtime, state: Path) -> tuple[Analysis, ClipInfo]:
    """The people of the clip, and the clip; an animation is copied into a folder of the state for so long."""
    import tempfile

    from mien_cli.clip import read_clip_options
    from mien_cli.progress_bars import show_job_progress
    from mien_pipeline.clip_options import require_clips

    require_clips()
    from mien_pipeline.media.clip.animated import convert_animation, is_animated
    from mien_pipeline.media.clip.probe import probe_part

    options = read_clip_options(args)
    with tempfile.TemporaryDirectory(prefix="clip-", dir=state) as folder, show_job_progress(quiet=args.json) as show:
        path = args.clip
        if is_animated(path):
            path = Path(folder) / "animation.mkv"
            convert_animation(args.clip, path)
        clip = probe_part(path, options.begin_s, options.end_s)
        return runtime.analyse_clip(clip, options, lambda at: show(at.stage, at.fraction)), clip


def to_jpeg(crop: PIL.Image.Image) -> bytes:
    """A face, for a person to look at."""
    import io

    out = io.BytesIO()
    crop.save(out, "JPEG", quality=90)
    return out.getvalue()


def to_text(report: Mapping[str, Any]) -> str:
    """Each person with the seconds in which they are seen, and what hides them."""
    from mien_core.languages import look_up

    lines = [f"{report['output']}  ({report['frames']} pictures, {report['duration_s']:.1f} s)"]
    for person, picture in zip(report["people"], report["pictures"], strict=True):
        spans = ", ".join(f"{begin:.1f}–{end:.1f} s" for begin, end in person["spans"])
        lines.append(f"person {person['id']}: {spans}  {picture}")
        lines += [
            f"    {fault}, {count} pictures: {look_up('warnings', fault)}" for fault, count in person["faults"].items()
        ]
    return "\n".join(lines)
