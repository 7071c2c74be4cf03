"""`mien bench`: the suites of the benchmark as a table, and the contact sheet."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Mapping

    from mien_pipeline.evaluation.measures import Row

DESCRIPTION = "Measure, in ratios of one run."


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.result_file import add_exists_argument

    parser.add_argument("--suite", action="append", metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--record", action="store_true", help="keep the figures in tests/benchmarks/recorded.json")
    parser.add_argument(
        "--sheet", type=Path, metavar="DIR", help="instead: swap every pair of the pictures in DIR into DIR/sheet"
    )
    add_exists_argument(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.output import print_answer
    from mien_core.errors import InvalidOptions
    from mien_pipeline.evaluation.figures import describe_figures, describe_machine, draw_table, record_figures

    if args.sheet:
        return draw_sheet(args)
    folder = source_folder()
    if args.record and folder is None:
        raise InvalidOptions("figures are recorded in a checkout of the source, and this is none", field="record")
    figures = list(measure(args, folder))
    if args.record and folder:
        record_figures(folder / "recorded.json", figures)
    print_answer(args, {"machine": describe_machine(), "rows": describe_figures(figures)}, draw_table(figures))
    return 0 if all(row.holds for _, row in figures) else 1


def measure(args: Namespace, folder: Path | None) -> Iterator[tuple[str, Row]]:
    """The figures of the suites that were named, or of every suite whose libraries are installed.

    Raises:
        InvalidOptions: `field` "suite": there is none of that name, or a library that it needs is not installed.
    """
    from mien_cli.in_process import fetch_missing, open_store
    from mien_cli.output import print_note
    from mien_core.errors import InvalidOptions
    from mien_pipeline.evaluation.suites import choose_suites, find_suites

    suites = choose_suites(args.suite, find_suites(folder))
    store = open_store(args)
    fetch_missing(store, ["starter"], quiet=args.json)
    for suite in suites:
        try:
            rows = suite.rows(store)
        except InvalidOptions as error:
            if args.suite:
                raise
            print_note(f"{suite.name} is left out: {error}")
            continue
        for row in rows:
            print_note(f"{suite.name}: {row.what}: {row.value:.3g} {row.unit}")
            yield suite.name, row


def source_folder() -> Path | None:
    """tests/benchmarks of the checkout that this source is part of: suites that need a daemon or a browser."""
    folder = Path(__file__).parents[3] / "tests" / "benchmarks"
    return folder if folder.is_dir() else None


def draw_sheet(args: Namespace) -> int:
    """For every picture of a folder one sheet: it, and every other face on it, with scores.

    Raises:
        InvalidOptions: `field` is sheet: there is no such folder.
        OutputIsInput, OutputExists, OutputNotWritable, DiskFull: `file` says which; no sheet was drawn.
    """
    from mien_cli.in_process import fetch_needed, open_runtime, open_store, read_picture
    from mien_cli.output import print_answer, print_note
    from mien_cli.result_file import make_folder
    from mien_core.errors import InvalidOptions
    from mien_core.outputs import Exists, Inputs, Output
    from mien_pipeline.evaluation.sheets import draw_contact_sheet

    if not args.sheet.is_dir():
        raise InvalidOptions(f"there is no folder {args.sheet}", field="sheet")
    store = open_store(args)
    fetch_needed(store, "mesh", quiet=args.json)
    paths = [path for path in sorted(args.sheet.iterdir()) if path.is_file()]
    runtime, into = open_runtime(args, store), args.sheet / "sheet"
    make_folder(into)
    inputs, exists = Inputs.of(paths), Exists(args.exists or "number")
    places = {path.name: Output(into / f"{path.stem}.png", exists, inputs) for path in paths}
    pictures = {path.name: read_picture(path) for path in paths if not places[path.name].check()}
    sheets: dict[str, Mapping[str, object]] = {}
    for name, target in pictures.items():
        others = {path.stem: read_picture(path) for path in paths if path.name != name}
        sheet, sheets[name] = draw_contact_sheet(runtime, target, others)
        print_note(f"{name}: {places[name].write(sheet).path}")
    return print_answer(args, {"sheets": sheets}, str(into))
