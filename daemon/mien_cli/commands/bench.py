"""`mien bench`: the suites of tests/benchmarks as a table, and the contact sheet."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from mien_pipeline.evaluation.benchmark import Row

DESCRIPTION = "Measure, in ratios of one run."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--suite", action="append", metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--record", action="store_true", help="keep the figures in tests/benchmarks/recorded.json")
    parser.add_argument(
        "--sheet", type=Path, metavar="DIR", help="instead: swap every pair of the pictures in DIR into DIR/sheet"
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.output import print_answer

    if args.sheet:
        return draw_sheet(args)
    rows = list(measure(args))
    figures = [{"suite": suite, **describe(row)} for suite, row in rows]
    if args.record:
        record(figures)
    print_answer(args, {"machine": machine(), "rows": figures}, table(rows))
    return 0 if all(row.holds for _, row in rows) else 1


def measure(args: Namespace) -> Iterator[tuple[str, Row]]:
    from mien_cli.in_process import fetch_missing, open_store
    from mien_cli.output import print_note

    store = open_store(args)
    fetch_missing(store, ["starter"], quiet=args.json)
    for name, suite in suites(args.suite):
        for row in suite.rows(store):
            print_note(f"{name}: {row.what}: {row.value:.3g} {row.unit}")
            yield name, row


def suites(chosen: list[str] | None) -> Iterator[tuple[str, ModuleType]]:
    """The benchmark modules that lie beside this source, by name.

    Raises:
        InvalidOptions: there is none of that name, or this is an installed wheel, which carries none.
    """
    import importlib.util

    from mien_core.errors import InvalidOptions

    found = {path.stem: path for path in sorted(folder().glob("*.py"))}
    for name in chosen or found:
        if name not in found:
            raise InvalidOptions(f"there is no benchmark called {name!r} here", field="suite", known=list(found))
        spec = importlib.util.spec_from_file_location(f"mien_benchmark_{name}", found[name])
        if spec is None or spec.loader is None:
            raise InvalidOptions(f"{found[name].name} cannot be loaded", field="suite")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield name, module


def folder() -> Path:
    """tests/benchmarks of the checkout that this source is part of."""
    return Path(__file__).parents[3] / "tests" / "benchmarks"


def describe(row: Row) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(row), "value": float(f"{row.value:.4g}"), "holds": row.holds}


def machine() -> dict[str, object]:
    import os
    import platform

    return {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}


def record(rows: list[dict[str, object]]) -> None:
    """Put these figures into the recorded ones; suites that did not run keep theirs."""
    import json

    from mien_core.files import write_whole

    path = folder() / "recorded.json"
    known = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    ran = {row["suite"] for row in rows}
    kept = [row for row in known if row["suite"] not in ran]
    together = sorted([*kept, *rows], key=_suite_of)
    text = json.dumps({"machine": machine(), "rows": together}, indent=2, ensure_ascii=False)
    write_whole(path, text.encode() + b"\n")


def _suite_of(row: Mapping[str, object]) -> str:
    return str(row["suite"])


def table(rows: list[tuple[str, Row]]) -> str:
    """One line a figure: what, value, what it must be, and whether it is."""
    lines = ["| suite | what | value | must be | holds |", "|---|---|---|---|---|"]
    for suite, row in rows:
        bound = "" if row.limit is None else f"{'≥' if row.at_least else '≤'} {row.limit:g}"
        lines.append(
            f"| {suite} | {row.what} | {row.value:.3g} {row.unit} | {bound} | {'yes' if row.holds else 'NO'} |"
        )
    return "\n".join(lines)


def draw_sheet(args: Namespace) -> int:
    """For every picture of a folder one sheet: it, and every other face on it, with scores."""
    from mien_cli.in_process import fetch_needed, open_runtime, open_store
    from mien_cli.output import print_answer, print_note
    from mien_cli.result_file import make_folder, write_result
    from mien_pipeline.evaluation.sheets import draw_contact_sheet

    store = open_store(args)
    fetch_needed(store, "mesh", quiet=args.json)
    runtime, into = open_runtime(args, store), args.sheet / "sheet"
    make_folder(into)
    pictures = {path.stem: path.read_bytes() for path in sorted(args.sheet.iterdir()) if path.is_file()}
    sheets: dict[str, Mapping[str, object]] = {}
    for name, target in pictures.items():
        others = {other: data for other, data in pictures.items() if other != name}
        sheet, sheets[name] = draw_contact_sheet(runtime, target, others)
        write_result(into / f"{name}.png", sheet)
        print_note(f"{name}: {into / (name + '.png')}")
    return print_answer(args, {"sheets": sheets}, str(into))
