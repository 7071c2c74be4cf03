"""`mien evaluate`: measure what is claimed of the engines, a case at a time, with a report that can be added to."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping, Sequence

    from mien_models.store import ModelStore
    from mien_pipeline.evaluation.cases import Person

DESCRIPTION = (
    "Measure what is claimed of the engines. Each case is one line of cases.jsonl; given again, the command goes on "
    "where it stopped. Lines of another machine may be added to the file."
)
PORTRAITS = "demo-portraits"
ENOUGH = 5  # cases after which a run tells how long the others will take


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--engine", action="append", metavar="NAME", help="only this one; repeatable (default: all)")
    parser.add_argument(
        "--suite", choices=("quick", "full"), default="quick", help="how many cases (default: %(default)s)"
    )
    parser.add_argument("--claims", default="", metavar="NAME,…", help="only these (default: all)")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="whose faces: one picture of each person (default: the demo's portraits)",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an engine's option in every case; repeatable"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where the report goes")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.in_process import fetch_missing, open_runtime, open_store
    from mien_cli.output import print_answer, print_note
    from mien_cli.result_file import make_folder
    from mien_pipeline.evaluation.cases import CaseFile, plan_cases
    from mien_pipeline.evaluation.claim import choose_claims
    from mien_pipeline.evaluation.gallery import Gallery
    from mien_pipeline.evaluation.judge import Judge
    from mien_pipeline.evaluation.pages import write_report
    from mien_pipeline.evaluation.run_cases import Runner, see_setup

    claims = choose_claims([name for name in args.claims.split(",") if name])
    settings = read_settings(args.set)
    store = open_store(args)
    fetch_missing(store, ["starter"], quiet=args.json)
    people = find_people(args, store)
    engines, not_run = choose_engines(args.engine, store)
    setups = {engine: see_setup(engine, store, settings) for engine in engines}
    cases = plan_cases(claims, engines, args.suite, people, people[:2] if args.suite == "quick" else people)
    check_settings(cases, settings)
    make_folder(args.output)
    file = CaseFile(args.output)
    left = sum(case.key(setups[case.engine].id) not in file for case in cases)
    print_note(f"{len(cases)} cases, {left} to be run")
    runtime = open_runtime(args, store)
    gallery = Gallery(args.output, runtime.marker, file)
    runner = Runner(runtime, Judge.load(store, people), claims, setups, file, gallery)
    clock = Clock(left)

    def tell(done: int, total: int, line: Mapping[str, object]) -> None:
        case = f"{line['claim']} {line['engine']} {line['axis']} {line['label']}: {line['state']}"
        print_note(f"{done}/{total} {case}{clock.tick()}")

    try:
        not_run |= runner.run(cases, tell)
    finally:
        gallery.prune()
        paths = write_report(args.output, claims, file, not_run)
    answer = {"cases": len(file.lines), "run": left, "not_run": not_run, "files": [str(path) for path in paths]}
    return print_answer(args, answer, str(paths[0]))


class Clock:
    """Says how long what is left will take, once enough is done to tell."""

    def __init__(self, left: int) -> None:
        self._left, self._done, self._began = left, 0, time.monotonic()

    def tick(self) -> str:
        """Count a finished case; ", about 3 min left"."""
        self._done += 1
        left = self._left - self._done
        if self._done < ENOUGH or not left:
            return ""
        minutes = (time.monotonic() - self._began) / self._done * left / 60
        return f", about {minutes:.0f} min left" if minutes >= 1 else ", less than a minute left"


def read_settings(given: Sequence[str]) -> dict[str, object]:
    """`--set` as options; raises `InvalidOptions`."""
    from mien_cli.edit_arguments import parse_setting

    return dict(parse_setting(each) for each in given)


def check_settings(cases: Sequence[object], settings: Mapping[str, object]) -> None:
    """Check that every engine of the cases understands the settings.

    Raises:
        InvalidOptions: `field` names the option that one does not.
    """
    from mien_pipeline.engines.registry import parse_options

    for engine in dict.fromkeys(getattr(case, "engine", "") for case in cases):
        parse_options({"engine": engine, **settings})


def choose_engines(asked: Sequence[str] | None, store: ModelStore) -> tuple[list[str], dict[str, str]]:
    """The engines that are ready, and of the others why they are not; an experimental one only where it is asked for.

    Raises:
        UnknownEngine: there is none of a name.
        InvalidOptions: `field` "engine": none of those that were asked for is ready.
    """
    from mien_core.errors import InvalidOptions, UnknownEngine
    from mien_pipeline.engines.registry import ENGINES
    from mien_pipeline.evaluation.run_cases import why_not_ready

    for name in asked or ():
        if name not in ENGINES:
            raise UnknownEngine(f"there is no engine called {name!r}", field="engine", known=list(ENGINES))
    found = {name: why_not_ready(name, store) for name in asked or ENGINES}
    if not asked:
        by_name = "it is experimental, and measured only where it is asked for by name"
        found |= {name: by_name for name, why in found.items() if ENGINES[name].experimental and not why}
    not_run = {name: why for name, why in found.items() if why}
    ready = [name for name, why in found.items() if not why]
    if not ready:
        said = "; ".join(f"{name}: {why}" for name, why in not_run.items())
        raise InvalidOptions(f"no engine can run here: {said}", field="engine")
    return ready, not_run


def find_people(args: Namespace, store: ModelStore) -> list[Person]:
    """The pictures of a folder, or the demo's portraits.

    Raises:
        InvalidOptions: `field` "pictures": there is no such folder, or it has fewer than two pictures.
    """
    from mien_cli.in_process import list_pictures, read_picture
    from mien_core.errors import InvalidOptions
    from mien_pipeline.evaluation.cases import Person

    if args.pictures is None:
        folder = store.path(PORTRAITS)
        return [Person(path.stem, path.read_bytes()) for path in sorted(folder.iterdir()) if path.is_file()]
    if not args.pictures.is_dir():
        raise InvalidOptions(f"there is no folder {args.pictures}", field="pictures")
    found = [Person(path.stem, read_picture(path)) for path in list_pictures([args.pictures])]
    if len(found) < 2:
        raise InvalidOptions("a face needs another person to go onto: give two pictures or more", field="pictures")
    return found
