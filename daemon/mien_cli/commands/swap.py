"""`mien swap`: one swap, by the running daemon if there is one, else in this process."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence

    from mien_api.client import DaemonClient
    from mien_cli.result_file import ResultPlace
    from mien_pipeline.options import SwapOptions


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.result_file import add_output_arguments
    from mien_cli.statement import add_statement_arguments

    parser.add_argument("target", type=Path, metavar="TARGET", help="the picture to edit")
    parser.add_argument(
        "--face",
        action="append",
        required=True,
        metavar="REFERENCE",
        help="whose face to put in: a picture, a folder with pictures of one person (at most 20), or ref:ID of the "
        "library; repeat it to give each of --faces its own",
    )
    add_output_arguments(parser, "TARGET's name with -swapped")
    parser.add_argument("--engine", default="mesh", metavar="NAME", help="see `mien engines` (default: %(default)s)")
    parser.add_argument(
        "--faces",
        action="append",
        metavar="WHICH",
        help="largest, all, from the left: 0,2, or like:PICTURE, the face most like the one in PICTURE; repeat "
        "like:PICTURE to go with several --face, in order (default: largest)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed repeats a result on one machine"
    )
    parser.add_argument(
        "--detector",
        default="auto",
        choices=("auto", "yunet", "scrfd"),
        help="what finds faces and their five points; auto takes InsightFace's SCRFD for the points of flux and "
        "inswapper, where it is installed (default: %(default)s)",
    )
    parser.add_argument("--restore", type=float, default=0.0, metavar="0..1", help="Vivid's skin detail afterwards")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an engine's own option, repeatable; see `mien engines`",
    )
    add_statement_arguments(parser)
    parser.add_argument("--local", action="store_true", help="in this process, even if a daemon is running")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.in_process import list_pictures, pause_collections, read_picture
    from mien_cli.result_file import ResultPlace, print_result, print_skipped
    from mien_cli.statement import require_statement

    pause_collections(args)
    people = [face if is_library_face(face) else list_pictures([Path(face)]) for face in args.face]
    files = [file for person in people if isinstance(person, list) for file in person]
    likes = find_likes(args.faces or [])
    place = ResultPlace.choose(args, args.target, "swapped", [*files, *likes])
    alike = [read_picture(path) for path in likes]
    options = read_options(args, place, alike)
    if files:
        require_statement(args)
    target = read_picture(args.target)
    if existing := place.check(target, options.format):
        return print_skipped(args, existing)
    references = [each if isinstance(each, str) else [read_picture(file) for file in each] for each in people]
    data, made = make_swap(args, target, references, options, alike)
    report = {**made, "left_out": name_left_out(made.get("left_out", ()), args.face, people)}
    return print_result(args, place, place.write(data), report, to_text(report))


def read_options(args: Namespace, place: ResultPlace, alike: Sequence[bytes]) -> SwapOptions:
    """The options as the API takes them; `alike` are the pictures by which faces are found.

    Raises:
        InvalidOptions, UnknownEngine: `field` names the one.
    """
    from mien_pipeline.engines.registry import parse_options

    raw: dict[str, object] = {
        "engine": args.engine,
        "faces": name_likes(alike) if alike else parse_faces(args.faces or ["largest"]),
        "seed": args.seed,
        "restore": args.restore,
        "detector": args.detector,
        "format": place.format,
    }
    return parse_options(raw | dict(parse_setting(each) for each in args.set))


def is_library_face(face: str) -> bool:
    """`ref:ID` names a face of the library; anything else is a file."""
    return face.startswith("ref:")


LIKE = "like:"


def find_likes(faces: Sequence[str]) -> list[Path]:
    """The pictures of `like:PICTURE`, in order; none where faces are chosen otherwise.

    Raises:
        InvalidOptions: faces are chosen in two ways.
    """
    from mien_core.errors import InvalidOptions

    likes = [Path(text.removeprefix(LIKE)) for text in faces if text.startswith(LIKE)]
    if len(faces) > max(len(likes), 1):
        raise InvalidOptions("faces: only like:PICTURE can be given several times, and alone", field="faces")
    return likes


def name_likes(pictures: Sequence[bytes]) -> dict[str, object]:
    """`options.faces` for faces that are found by pictures."""
    import hashlib

    return {"like": [f"sha256:{hashlib.sha256(picture).hexdigest()}" for picture in pictures]}


def parse_faces(faces: Sequence[str]) -> str | list[int]:
    from mien_core.errors import InvalidOptions

    (text,) = faces
    if text in {"largest", "all"}:
        return text
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidOptions(
            f"faces: {text!r} is neither largest, all, like:PICTURE nor indices like 0,2", field="faces"
        ) from None


def parse_setting(text: str) -> tuple[str, object]:
    """NAME=VALUE with the value read as JSON where it is JSON: 0.5 is a number, target a word."""
    import json

    from mien_core.errors import InvalidOptions

    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidOptions(f"{text!r} is not NAME=VALUE", field="set")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def make_swap(
    args: Namespace,
    target: bytes,
    references: Sequence[Sequence[bytes] | str],
    options: SwapOptions,
    alike: Sequence[bytes],
) -> tuple[bytes, Mapping[str, Any]]:
    """(picture, report), from the daemon or from this process."""
    from mien_cli.in_process import fetch_needed, open_runtime, open_store
    from mien_cli.progress_bars import show_job_progress

    store = open_store(args)
    fetch_needed(store, options.engine, quiet=args.json)
    daemon = None if args.local else find_daemon(args)
    with show_job_progress(quiet=args.json) as show:
        if daemon:
            asked = options.model_dump(mode="json", exclude_none=True)
            return daemon.swap(
                target, references, asked, lambda job: show(job["stage"] or job["state"], job["progress"]), alike
            )
        from mien_pipeline.report import describe

        pictures = [open_library_face(args, each) if isinstance(each, str) else each for each in references]
        runtime = open_runtime(args, store)  # from here on the process is caged
        done = runtime.swap(target, pictures, options, lambda at: show(at.stage, at.fraction), alike)
        return done.data, describe(done)


def find_daemon(args: Namespace) -> DaemonClient | None:
    """The daemon that is running, if there is one."""
    from mien_api.client import DaemonClient

    return DaemonClient.discover(args.state_dir)


def open_library_face(args: Namespace, kept: str) -> list[bytes]:
    """The pictures of a face of the library.

    Raises:
        UnknownReference: there is none, it has expired, or its record was edited.
    """
    from mien_cli.commands.references import open_library

    return list(open_library(args).pictures(kept.removeprefix("ref:")).values())


def to_text(report: Mapping[str, Any]) -> str:
    """Engine and time, and each face's scores, warnings and faults; a daemon of an older version names no faults."""
    lines = [f"({report['engine']}, {report['seconds']:.2f} s)"]
    for warning, said in explain_warnings(report.get("warnings", ())).items():
        lines.append(said)
        lines += [f"    {each['file']}" for each in report.get("left_out", ()) if each["why"] == warning]
    for face in report["faces"]:
        if not face["swapped"]:
            continue
        scores = face["identity"]
        lines.append(
            f"face {face['index']}: {scores['to_reference']:.2f} like the reference (was {scores['before']:.2f}), "
            f"{scores['to_target']:.2f} like the target"
        )
        if face.get("naturalness") is not None:
            tried = ", the better of two attempts" if face.get("retried") else ""
            lines.append(f"    naturalness {face['naturalness']:.2f}, likeness {face['verdict']}{tried}")
        remarks = [*face["warnings"], *face.get("faults", ())]
        lines += [f"    {remark}: {said}" for remark, said in explain_warnings(remarks).items()]
    return "\n".join(lines)


def name_left_out(
    left_out: Sequence[Mapping[str, Any]], faces: Sequence[str], people: Sequence[Sequence[Path] | str]
) -> list[dict[str, Any]]:
    """What the report says of pictures that were not used, each with its file, or its place in the library.

    `people` are the files of each of `faces`, or "ref:ID".
    """
    named: list[dict[str, Any]] = []
    for each in left_out:
        files = people[each["reference"]]
        kept = f"{faces[each['reference']]}, picture {each['picture'] + 1}"
        named.append({**each, "file": kept if isinstance(files, str) else str(files[each["picture"]])})
    return named


def explain_warnings(warnings: Sequence[str]) -> dict[str, str]:
    """Each warning, or fault, with its sentence."""
    from mien_core.languages import look_up

    return {warning: look_up("warnings", warning) for warning in warnings}
