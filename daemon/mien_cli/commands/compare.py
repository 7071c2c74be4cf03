"""`mien compare`: one face on one picture by several engines, or with several settings, on one sheet."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from mien_core.outputs import Exists
    from mien_models.store import ModelStore
    from mien_pipeline.compare import Contestant, Outcome

DESCRIPTION = (
    "Put one face into one picture with each engine, and see what comes out side by side: sheet.png, compare.json and "
    "each picture. An engine that is not ready is a line that says what it lacks."
)
SHEET, DOCUMENT = "sheet.png", "compare.json"


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.result_file import add_exists_argument
    from mien_cli.statement import add_statement_arguments

    parser.add_argument("target", type=Path, metavar="TARGET", help="the picture to edit")
    parser.add_argument(
        "--face",
        required=True,
        metavar="REFERENCE",
        help="whose face to put in: a picture, a folder with pictures of one person, or ref:ID of the library",
    )
    parser.add_argument(
        "--engine",
        action="append",
        required=True,
        metavar="NAME[,OPTION=VALUE…]",
        help="an engine, with options of its own: mesh, or mesh,shape=0.2; repeat it",
    )
    parser.add_argument(
        "--faces", default="largest", metavar="WHICH", help="largest, all or 0,2 (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same for every engine")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("mien-compare"), metavar="DIR", help="default: %(default)s"
    )
    add_exists_argument(parser)
    add_statement_arguments(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.edit_arguments import is_library_face, open_library_face, parse_faces, parse_setting
    from mien_cli.engine_environment import continue_in_environment
    from mien_cli.in_process import fetch_needed, list_pictures, open_store, read_picture
    from mien_cli.output import print_answer
    from mien_cli.result_file import make_folder, print_skipped
    from mien_cli.statement import require_statement
    from mien_core.outputs import write_together
    from mien_pipeline.compare import read_contestants

    contestants = read_contestants(
        args.engine, {"faces": parse_faces([args.faces]), "seed": args.seed, "format": "png"}, parse_setting
    )
    for contestant in contestants:
        if (status := continue_in_environment(args, contestant.options.engine)) is not None:
            return status
    files = [] if is_library_face(args.face) else list_pictures([Path(args.face)])
    if files:
        require_statement(args)
    target = read_picture(args.target)
    names = [SHEET, DOCUMENT, *(f"{each.file_stem}.png" for each in contestants)]
    exists = check_places(args, names, [args.target, *files])
    if exists is None:
        return print_skipped(args, args.output / SHEET)
    store = open_store(args)
    fetch_needed(store, "mesh", quiet=args.json)
    pictures = [read_picture(file) for file in files] if files else open_library_face(args, args.face)
    outcomes, sheet = make_comparison(args, store, target, pictures, contestants)
    document = describe_comparison(args, outcomes)
    made = {f"{each.contestant.file_stem}.png": each.swapped.data for each in outcomes if each.swapped}
    told = json.dumps(document, indent=1, ensure_ascii=False).encode()
    make_folder(args.output)
    written = write_together(args.output, {SHEET: sheet, DOCUMENT: told, **made}, exists)
    paths = {name: str(path) for name, path in written.items()}
    return print_answer(args, {"output": paths[SHEET], "files": paths, **document}, to_text(paths[SHEET], outcomes))


def check_places(args: Namespace, names: Sequence[str], inputs: Sequence[Path]) -> Exists | None:
    """What to do where files are there already; None where the sheet is, and `--exists skip` wants no other.

    Raises:
        OutputIsInput, OutputExists, OutputNotWritable, DiskFull: `file` says which.
    """
    from mien_cli.result_file import check_new_folder
    from mien_core.outputs import Exists, Inputs, Output

    exists = Exists(args.exists or "number")
    read = Inputs.of(inputs)
    if not args.output.is_dir():
        check_new_folder(args.output)
        return exists
    there = [Output(args.output / name, exists, read).check() for name in names]
    return None if there[0] else exists


def make_comparison(
    args: Namespace, store: ModelStore, target: bytes, pictures: Sequence[bytes], contestants: Sequence[Contestant]
) -> tuple[list[Outcome], bytes]:
    """What each engine made, and the sheet."""
    from mien_cli.in_process import open_runtime
    from mien_cli.progress_bars import show_job_progress
    from mien_pipeline.compare import compare, draw_sheet

    runtime = open_runtime(args, store)
    with show_job_progress(quiet=args.json) as show:
        outcomes = compare(
            runtime, target, [pictures], contestants, store,
            lambda who, at: show(f"{who.label}: {at.stage}", at.fraction),
        )  # fmt: skip
    return outcomes, draw_sheet(runtime.marker, target, pictures[0], outcomes)


def describe_comparison(args: Namespace, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The document: what was compared, and each outcome with the name of its picture."""
    from mien_pipeline.compare import to_document

    compared = [
        {**to_document(each), **({"picture": f"{each.contestant.file_stem}.png"} if each.swapped else {})}
        for each in outcomes
    ]
    return {"target": str(args.target), "reference": args.face, "seed": args.seed, "compared": compared}


def to_text(sheet: str, outcomes: Sequence[Outcome]) -> str:
    """The sheet's path, and a line for each engine."""
    from mien_pipeline.compare import caption

    lines = [sheet]
    for each in outcomes:
        told = caption(each, each.swapped).split("\n")[1:] if each.swapped else [each.said]
        lines.append(f"  {each.contestant.label}: {'; '.join(told)}")
    return "\n".join(lines)
