"""`mien demo`: swap two public-domain portraits, to show a newcomer what to expect."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from mien_core.outputs import Exists

DESCRIPTION = "Swap two public-domain portraits: target, result and a side-by-side picture."
PORTRAITS = "demo-portraits"
# Leonardo's Mona Lisa and NASA's portrait of Eileen Collins, both in the public domain.
TARGET, REFERENCE = "mona_lisa.jpg", "astronaut.png"
NAMES = {"target": "target.jpg", "result": "result.jpg", "side-by-side": "side-by-side.png"}


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.result_file import add_exists_argument

    parser.add_argument(
        "-o", "--output", type=Path, default=Path("mien-demo"), metavar="DIR", help="default: %(default)s"
    )
    add_exists_argument(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.commands.swap import to_text
    from mien_cli.in_process import claim_process, fetch_missing, fetch_needed, open_runtime, open_store
    from mien_cli.output import print_answer
    from mien_cli.progress_bars import show_job_progress
    from mien_cli.result_file import make_folder, print_skipped
    from mien_core.outputs import write_together
    from mien_pipeline.engines.mesh.options import MeshOptions
    from mien_pipeline.evaluation.sheets import draw_side_by_side
    from mien_pipeline.report import describe

    claim_process(args)
    folder: Path = args.output
    exists = check_places(args, folder)
    if exists is None:
        return print_skipped(args, folder / NAMES["result"])
    store = open_store(args)
    fetch_missing(store, [PORTRAITS], quiet=args.json)
    fetch_needed(store, "mesh", quiet=args.json)
    target, reference = (store.path(PORTRAITS, name).read_bytes() for name in (TARGET, REFERENCE))
    runtime = open_runtime(args, store)
    with show_job_progress(quiet=args.json) as show:
        done = runtime.swap(target, [reference], MeshOptions(), lambda at: show(at.stage, at.fraction))
    side_by_side = draw_side_by_side(runtime.marker, target, reference, done)

    make_folder(folder)
    pictures = {"target": target, "result": done.data, "side-by-side": side_by_side}
    written = write_together(folder, {NAMES[what]: data for what, data in pictures.items()}, exists)
    files = {what: str(written[name]) for what, name in NAMES.items()}
    report = describe(done)
    return print_answer(
        args, {"output": files["result"], "files": files, **report}, f"{files['result']}  {to_text(report)}"
    )


def check_places(args: Namespace, folder: Path) -> Exists | None:
    """What to do where files are there already; None where all are and `--exists skip` wants no other.

    Raises:
        OutputExists, OutputNotWritable, DiskFull: `file` says which.
    """
    from mien_cli.result_file import check_new_folder
    from mien_core.outputs import Exists, Output

    exists = Exists(args.exists or "number")
    if not folder.is_dir():
        check_new_folder(folder)
        return exists
    there = [Output(folder / name, exists).check() for name in NAMES.values()]
    return None if all(there) else exists
