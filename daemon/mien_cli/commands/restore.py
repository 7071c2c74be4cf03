"""`mien restore`: repair skin detail in a picture from any tool, with Vivid alone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping

    from mien_pipeline.options import RestoreOptions


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.clip import add_quality_argument
    from mien_cli.edit_arguments import add_restorer_arguments
    from mien_cli.result_file import add_output_arguments

    parser.add_argument("image", type=Path, metavar="IMAGE", help="the picture to repair")
    add_output_arguments(parser, "IMAGE's name with -restored")
    parser.add_argument(
        "--amount", type=float, default=0.5, metavar="0..1", help="the most to do (default: %(default)s)"
    )
    add_restorer_arguments(parser)
    add_quality_argument(parser, "of a JPEG, WebP or AVIF (default: 95, 92 and 85)")
    parser.add_argument("--local", action="store_true", help="in this process, even if a daemon is running")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.in_process import read_picture
    from mien_cli.result_file import ResultPlace, print_result, print_skipped
    from mien_pipeline.options import parse_restore_options

    place = ResultPlace.choose(args, args.image, "restored")
    asked = {name: getattr(args, name) for name in ("amount", "restorer", "fidelity", "quality")}
    options = parse_restore_options({**asked, "format": place.format})
    image = read_picture(args.image)
    if existing := place.check(image, options.format):
        return print_skipped(args, existing)
    data, report = make_restoration(args, image, options)
    return print_result(args, place, place.write(data), report, to_text(report))


def make_restoration(args: Namespace, image: bytes, options: RestoreOptions) -> tuple[bytes, Mapping[str, Any]]:
    """(picture, report), from the daemon or from this process."""
    from mien_api.client import DaemonClient
    from mien_cli.in_process import fetch_missing, open_runtime, open_store
    from mien_cli.progress_bars import show_job_progress
    from mien_pipeline.engines.registry import ALWAYS
    from mien_pipeline.option_parts import require_parts

    store = open_store(args)
    daemon = None if args.local else DaemonClient.discover(args.state_dir)
    if daemon is None:  # a running daemon has its own store, and refuses the job
        require_parts(options, store)
    fetch_missing(store, ALWAYS, quiet=args.json)
    with show_job_progress(quiet=args.json) as show:
        if daemon:
            asked = options.model_dump(mode="json", exclude_none=True)
            return daemon.restore(
                image,
                asked,
                lambda job: show(job["stage"] or job["state"], job["progress"]),
                {"target": args.image.name},
            )
        from mien_pipeline.report import describe

        done = open_runtime(args, store).restore(image, options, lambda at: show(at.stage, at.fraction))
        return done.data, describe(done)


def to_text(report: Mapping[str, Any]) -> str:
    from mien_cli.commands.swap import explain_warnings

    faces = [f"face {face['index']}: {face['identity']['to_target']:.3f} like it was" for face in report["faces"]]
    said = explain_warnings(report.get("warnings", ())).values()
    return "\n".join([f"({report['engine']}, {report['seconds']:.2f} s)", *said, *faces])
