"""`mien batch`: the same reference into every picture of files and folders."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

DESCRIPTION = (
    "Put a reference face into every picture that is named. Results, a journal and reports go into one folder and "
    "nowhere else. The same command again goes on where it stood. Exit status: 0 every picture is done, 3 some, 1 none."
)


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.batch.cluster.place import parse_cluster
    from mien_cli.batch.names import DEFAULT, FIELDS
    from mien_cli.clip import add_result_arguments
    from mien_cli.edit_arguments import add_edit_arguments
    from mien_cli.result_file import EXISTS
    from mien_daemon.worker.count import parse_workers

    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="a picture, a folder with pictures, or a pattern such as 'in/*.jpg'"
    )
    add_edit_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where everything goes")
    parser.add_argument("--recursive", action="store_true", help="folders in folders too; they are mirrored in FOLDER")
    parser.add_argument(
        "--name",
        default=DEFAULT,
        metavar="PATTERN",
        help=f"what results are called, from {', '.join(f'{{{name}}}' for name in FIELDS)} (default: %(default)s)",
    )
    parser.add_argument(
        "--exists",
        choices=EXISTS,
        default="number",
        help="what to do where a file of that name is there already and is not this picture's result: number the new "
        "one, skip the work, replace the file, or fail (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=parse_workers,
        default="auto",
        metavar="N|auto",
        help="how many pictures at once, each in a process of its own (default: %(default)s)",
    )
    parser.add_argument(
        "--on",
        type=parse_cluster,
        metavar="ray[://HOST:PORT]",
        help="swap on Ray, on a cluster that is started for the run or on yours; needs mien[ray], --basis and --adult",
    )
    parser.add_argument(
        "--elsewhere",
        action="store_true",
        help="state that every face may also be used for swaps on the cluster's machines; ray://HOST:PORT needs it",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done; nothing is written")
    add_result_arguments(parser.add_argument_group("clips among the pictures"))
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from mien_cli.batch.prepare import prepare
    from mien_cli.batch.start import start
    from mien_cli.statement import require_statement

    wanted = prepare(args)
    if args.dry_run:
        from mien_cli.batch.dry_run import try_dry

        return try_dry(args, wanted)
    if wanted.reference_files:
        require_statement(args)
    return start(args, wanted)
