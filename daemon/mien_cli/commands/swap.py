"""`mien swap`: one swap, by the running daemon if there is one, else in this process."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence

    from mien_pipeline.options import SwapOptions


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.statement import add_statement_to

    parser.add_argument("target", type=Path, metavar="TARGET", help="the picture to edit")
    parser.add_argument(
        "--face",
        action="append",
        required=True,
        metavar="REFERENCE",
        help="a picture of the face that is wanted, or ref:ID for one of the library; "
        "repeat it to give each of --faces its own",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: TARGET's name with -swapped")
    parser.add_argument("--engine", default="mesh", metavar="NAME", help="see `mien engines` (default: %(default)s)")
    parser.add_argument(
        "--faces",
        default="largest",
        metavar="WHICH",
        help="largest, all, or from the left: 0,2 (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed repeats a result on one machine"
    )
    parser.add_argument("--restore", type=float, default=0.0, metavar="0..1", help="Vivid's skin detail afterwards")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an engine's own option, repeatable; see `mien engines`",
    )
    add_statement_to(parser)
    parser.add_argument("--local", action="store_true", help="in this process, even if a daemon is running")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.in_process import read_picture
    from mien_cli.output import answer
    from mien_cli.result_file import beside, refuse_overwriting, write
    from mien_cli.statement import require_statement

    options = chosen_options(args)
    if not all(is_kept(face) for face in args.face):
        require_statement(args)
    refuse_overwriting(args.output, [args.target, *(Path(face) for face in args.face if not is_kept(face))])
    target = read_picture(args.target)
    references = [face if is_kept(face) else read_picture(Path(face)) for face in args.face]
    data, report = swap(args, target, references, options)
    output: Path = args.output or beside(args.target, "swapped", data)
    write(output, data)
    return answer(args, {"output": str(output), **report}, words(output, report))


def chosen_options(args: Namespace) -> SwapOptions:
    """The options as the API takes them.

    Raises:
        InvalidOptions, UnknownEngine: `field` names the one.
    """
    from mien_cli.result_file import format_of
    from mien_pipeline.engines.registry import parse_options

    raw: dict[str, object] = {
        "engine": args.engine,
        "faces": args.faces if args.faces in {"largest", "all"} else face_indices(args.faces),
        "seed": args.seed,
        "restore": args.restore,
        "format": format_of(args.output),
    }
    return parse_options(raw | dict(name_and_value(each) for each in args.set))


def is_kept(face: str) -> bool:
    """`ref:ID` names a face of the library; anything else is a file."""
    return face.startswith("ref:")


def face_indices(text: str) -> list[int]:
    from mien_core.errors import InvalidOptions

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidOptions(f"faces: {text!r} is neither largest, all nor indices like 0,2", field="faces") from None


def name_and_value(text: str) -> tuple[str, object]:
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


def swap(
    args: Namespace, target: bytes, references: Sequence[bytes | str], options: SwapOptions
) -> tuple[bytes, Mapping[str, Any]]:
    """(picture, report), from the daemon or from this process."""
    from mien_api.client import DaemonClient
    from mien_cli.in_process import fetch_needed, open_runtime, open_store
    from mien_cli.progress_bars import job_bar

    store = open_store(args)
    fetch_needed(store, options.engine, quiet=args.json)
    daemon = None if args.local else DaemonClient.discover(args.state_dir)
    with job_bar(quiet=args.json) as show:
        if daemon:
            asked = options.model_dump(mode="json", exclude_none=True)
            return daemon.swap(
                target, references, asked, lambda job: show(job["stage"] or job["state"], job["progress"])
            )
        from mien_pipeline.report import describe

        runtime = open_runtime(args, store)
        pictures = [opened(args, each) if isinstance(each, str) else each for each in references]
        done = runtime.swap(target, pictures, options, lambda at: show(at.stage, at.fraction))
        return done.data, describe(done)


def opened(args: Namespace, kept: str) -> bytes:
    """The picture of a face of the library.

    Raises:
        UnknownReference: there is none, it has expired, or its record was edited.
    """
    from mien_cli.commands.references import library_of

    return library_of(args).picture(kept.removeprefix("ref:"))


def words(output: Path, report: Mapping[str, Any]) -> str:
    """What happened, for a person: where the picture is, and for every face how well it went."""
    lines = [f"{output}  ({report['engine']}, {report['seconds']:.2f} s)"]
    for face in report["faces"]:
        if not face["swapped"]:
            continue
        scores = face["identity"]
        lines.append(
            f"face {face['index']}: {scores['to_reference']:.2f} like the reference (was {scores['before']:.2f}), "
            f"{scores['to_target']:.2f} like the target"
        )
        lines += [f"    {warning}: {said}" for warning, said in sentences(face["warnings"]).items()]
    return "\n".join(lines)


def sentences(warnings: Sequence[str]) -> dict[str, str]:
    """Each warning with its sentence."""
    from mien_core.languages import look_up

    return {warning: look_up("warnings", warning) for warning in warnings}
