"""`mien demo`: swap two bundled public-domain portraits, to show a newcomer what to expect."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

DESCRIPTION = "Swap two bundled public-domain portraits: target, result and a side-by-side picture."
PORTRAITS = "demo-portraits"
# The US Navy's portrait of Grace Hopper and NASA's of Eileen Collins, both in the public domain.
TARGET, REFERENCE = "grace_hopper.jpg", "astronaut.png"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("mien-demo"), metavar="DIR", help="default: %(default)s"
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.commands.swap import to_text
    from mien_cli.in_process import fetch_missing, fetch_needed, open_runtime, open_store
    from mien_cli.output import print_answer
    from mien_cli.progress_bars import show_job_progress
    from mien_cli.result_file import make_folder, write_result
    from mien_pipeline.engines.mesh.options import MeshOptions
    from mien_pipeline.evaluation.sheets import draw_side_by_side
    from mien_pipeline.report import describe

    store = open_store(args)
    fetch_missing(store, [PORTRAITS], quiet=args.json)
    fetch_needed(store, "mesh", quiet=args.json)
    target, reference = (store.path(PORTRAITS, name).read_bytes() for name in (TARGET, REFERENCE))
    runtime = open_runtime(args, store)
    with show_job_progress(quiet=args.json) as show:
        done = runtime.swap(target, [reference], MeshOptions(), lambda at: show(at.stage, at.fraction))
    side_by_side = draw_side_by_side(runtime.marker, target, reference, done)

    folder: Path = args.output
    make_folder(folder)
    suffix = Path(TARGET).suffix
    pictures = {f"target{suffix}": target, f"result{suffix}": done.data, "side-by-side.png": side_by_side}
    for name, data in pictures.items():
        write_result(folder / name, data)
    report = describe(done)
    files = {Path(name).stem: str(folder / name) for name in pictures}
    return print_answer(
        args, {"output": files["result"], "files": files, **report}, to_text(Path(files["result"]), report)
    )
