"""`mien references`: faces that may be used again, each kept with its consent."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from datetime import datetime

    from mien_api.client import DaemonClient
    from mien_daemon.references.consent import Consent

DESCRIPTION = "Faces that may be used again, sealed on this machine, each with the consent that allows it."
NEEDED_MODELS = ("content-check", "face-detection", "face-mesh")


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.passphrase import add_passphrase_argument
    from mien_cli.result_file import add_exists_argument
    from mien_cli.statement import add_statement_arguments

    actions = parser.add_subparsers(metavar="ACTION", required=True)
    adding = actions.add_parser(
        "add",
        help="keep a face",
        description="Keep a face. --basis and --adult are your statement; it is kept with the picture.",
    )
    adding.add_argument(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGE",
        help="a picture of one person, or a folder with pictures of that person; repeat it for more",
    )
    whose = adding.add_mutually_exclusive_group(required=True)
    whose.add_argument("--name", metavar="N", help="what you call this face")
    whose.add_argument("--to", metavar="ID", help="the face that these are further pictures of")
    add_statement_arguments(adding)
    adding.add_argument(
        "--days",
        type=int,
        default=365,
        metavar="D",
        help="how long the consent counts; 0 is for ever (default: %(default)s)",
    )
    adding.set_defaults(run=add)
    actions.add_parser("list", help="every face").set_defaults(run=list_all)
    exporting = actions.add_parser(
        "export",
        help="write a backup of the library, or print everything that is kept of one person",
        description="With a file: write a backup of the whole library, which a passphrase opens. A face that is "
        "withdrawn later stays in the backup: delete the file too. With an id: print everything that is kept of one "
        "person, for that person.",
    )
    exporting.add_argument("what", metavar="FILE|ID", help="the backup's file, or the id of a face (16 hex digits)")
    add_passphrase_argument(exporting)
    add_exists_argument(exporting)
    exporting.set_defaults(run=export)
    importing = actions.add_parser(
        "import",
        help="add what a backup has and the library has not",
        description="Add what a backup has and the library has not, each face with its consent. What is here stays.",
    )
    importing.add_argument("file", type=Path, metavar="FILE", help="a backup that `export` wrote")
    add_passphrase_argument(importing)
    importing.set_defaults(run=import_backup)
    removing = actions.add_parser("remove", help="withdraw one consent and shred the face")
    removing.add_argument("id", metavar="ID")
    removing.add_argument("--picture", metavar="ID", help="shred only this one of the face's pictures")
    removing.set_defaults(run=remove)
    forgetting = actions.add_parser("forget-all", help="shred the whole library")
    forgetting.set_defaults(run=forget_all)
    for each in (removing, forgetting):
        each.add_argument("--results", action="store_true", help="and delete every job made with it, and its result")


def add(args: Namespace) -> int:
    from mien_cli.in_process import list_pictures, read_picture
    from mien_cli.output import print_answer
    from mien_daemon.references.consent import Consent

    consent = Consent.given(args.name or "", args.basis, adult=args.adult, expires_at=compute_end(args.days))
    pictures = [read_picture(path) for path in list_pictures(args.images)]
    daemon = find_daemon(args)
    made = add_through_daemon(daemon, pictures, consent, args.to) if daemon else add_in_process(args, pictures, consent)
    count = len(made["pictures"])
    return print_answer(
        args, made, f"{made['id']}  {made['name']}, {count_pictures(count)}: use it as ref:{made['id']}"
    )


def count_pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def compute_end(days: int) -> datetime | None:
    """When a consent of that many days ends; None for 0.

    Raises:
        ConsentRequired: `field` is days: negative, or more than a hundred years.
    """
    from datetime import UTC, datetime, timedelta

    from mien_core.errors import ConsentRequired

    if not 0 <= days <= 36_500:
        raise ConsentRequired("a consent counts for 1 to 36,500 days, or 0 for ever", field="days")
    return datetime.now(UTC) + timedelta(days=days) if days else None


def add_through_daemon(
    daemon: DaemonClient, pictures: Sequence[bytes], consent: Consent, to: str | None
) -> dict[str, Any]:
    """Add pictures to the person called `to`, or a new person where that is None."""
    names = [daemon.put_blob(each) for each in pictures]
    statement = {
        "picture": names[0] if len(names) == 1 else names,
        "basis": consent.basis,
        "adult": consent.adult,
    }
    if to is not None:
        return daemon.request("POST", f"{build_path(to)}/pictures", statement)
    about = {"name": consent.label, "expires_at": consent.expires_at}
    return daemon.request("POST", "/v1/references", {**statement, **about})


def add_in_process(args: Namespace, pictures: Sequence[bytes], consent: Consent) -> dict[str, Any]:
    """Check the pictures and seal them in this process."""
    from mien_cli.edit_arguments import open_library
    from mien_cli.in_process import fetch_missing, open_runtime, open_store
    from mien_daemon.references.admission import THUMBNAIL_SIDE, blame_the_reference, require_one_face, square_around
    from mien_daemon.references.records import KeptPicture, describe
    from mien_pipeline.media.previews import preview

    library = open_library(args)
    if args.to:
        library.usable(args.to).consent.require_same_basis(consent)
    store = open_store(args)
    fetch_missing(store, NEEDED_MODELS, quiet=args.json)
    runtime = open_runtime(args, store, caged=False)
    kept = list[KeptPicture]()
    for picture in pictures:
        with blame_the_reference():
            face = require_one_face(runtime.find_faces(picture))
        kept.append(KeptPicture(picture, preview(picture, THUMBNAIL_SIDE, region=square_around(face.bbox))))
    return describe(library.add_pictures(args.to, kept, consent) if args.to else library.add(kept, consent))


def list_all(args: Namespace) -> int:
    from mien_cli.edit_arguments import open_library
    from mien_cli.output import print_answer
    from mien_daemon.references.records import describe

    daemon = find_daemon(args)
    found = (
        daemon.request("GET", "/v1/references")
        if daemon
        else {"references": [describe(record) for record in open_library(args).records()]}
    )
    return print_answer(args, found, "\n".join(to_line(each) for each in found["references"]) or "no face is kept")


def to_line(reference: dict[str, Any]) -> str:
    end = reference["expires_at"] or "for ever"
    over = "" if reference["usable"] else "  (ended)"
    pictures = count_pictures(len(reference["pictures"]))
    return f"{reference['id']}  {reference['basis']:<18}  until {end}{over}  {pictures}  {reference['name']}"


def export(args: Namespace) -> int:
    """Write the backup, or print the record as a document, with `--json` or without: the person may keep it."""
    import re

    from mien_cli.edit_arguments import open_library
    from mien_cli.output import print_answer, to_json

    if not re.fullmatch("[0-9a-f]{16}", args.what):
        return export_backup(args, Path(args.what))
    daemon = find_daemon(args)
    found = daemon.request("GET", build_path(args.what)) if daemon else open_library(args).export(args.what)
    return print_answer(args, found, to_json(found))


def export_backup(args: Namespace, path: Path) -> int:
    """Seal the library in this process, with a daemon or without: both read the same files, one at a time."""
    import io

    from mien_cli.edit_arguments import open_library
    from mien_cli.output import print_answer, print_note
    from mien_cli.passphrase import read_passphrase
    from mien_cli.result_file import print_skipped
    from mien_core.errors import OutputNotWritable
    from mien_core.outputs import Exists, Inputs, Output

    if path.is_dir():
        raise OutputNotWritable(f"{path} is a folder; name a file in it", file=str(path))
    output = Output(path, Exists(args.exists or "replace"), Inputs.of(list_inputs(args)))
    if (existing := output.check()) is not None:
        return print_skipped(args, existing)
    passphrase = read_passphrase(args, twice=True)
    backup = io.BytesIO()
    exported = open_library(args).export_backup(backup, passphrase)
    written = output.write(backup.getvalue())
    if not written.is_new:
        return print_skipped(args, written.path)
    if exported.left_out:
        print_note(f"left out, because they were changed outside of Mien: {', '.join(exported.left_out)}")
    found = {
        "output": str(written.path),
        "references": list(exported.references),
        "left_out": list(exported.left_out),
    }
    return print_answer(args, found, f"{written.path}: {len(exported.references)} faces, sealed with the passphrase")


def list_inputs(args: Namespace) -> list[Path]:
    """Every file that a backup is made of, and the one with its passphrase."""
    from mien_cli.in_process import load_config

    named = [Path(args.passphrase_file)] if args.passphrase_file else []
    return [*(load_config(args).folders.state / "references").glob("*"), *named]


def import_backup(args: Namespace) -> int:
    from mien_cli.edit_arguments import open_library
    from mien_cli.output import print_answer
    from mien_cli.passphrase import read_passphrase
    from mien_core.errors import BackupRefused

    if not args.file.is_file():
        raise BackupRefused(f"{args.file} is no file", file=str(args.file), reason="not-a-backup")
    try:
        source = args.file.open("rb")
    except OSError as error:
        raise BackupRefused(
            f"{args.file} cannot be read: {error.strerror}", file=str(args.file), reason="not-a-backup"
        ) from error
    with source:
        try:
            imported = open_library(args).import_backup(source, read_passphrase(args))
        except BackupRefused as error:
            error.fields.setdefault("file", str(args.file))
            raise
    found = {"added": list(imported.added), "present": list(imported.present)}
    return print_answer(args, found, f"{len(imported.added)} faces added, {len(imported.present)} were here already")


def remove(args: Namespace) -> int:
    from mien_cli.edit_arguments import open_library
    from mien_cli.output import print_answer

    if args.picture:
        return remove_picture(args)
    daemon = find_daemon(args)
    if daemon:
        daemon.request("DELETE", build_path(args.id) + build_query(args))
    else:
        refuse_results(args)
        open_library(args).withdraw(args.id)
    return print_answer(args, {"id": args.id, "withdrawn": True}, f"{args.id} is withdrawn, and its picture shredded")


def remove_picture(args: Namespace) -> int:
    """Shred one picture of a face that has others."""
    from mien_cli.edit_arguments import open_library
    from mien_cli.output import print_answer
    from mien_core.errors import BadRequest
    from mien_daemon.references.records import describe

    if args.results:
        raise BadRequest("--results deletes what was made with a whole face; leave --picture out", field="results")
    daemon = find_daemon(args)
    left = (
        daemon.request("DELETE", f"{build_path(args.id)}/pictures/{quote(args.picture)}")
        if daemon
        else describe(open_library(args).remove_picture(args.id, args.picture))
    )
    return print_answer(args, left, f"{args.picture} is shredded; {count_pictures(len(left['pictures']))} stay")


def forget_all(args: Namespace) -> int:
    from mien_cli.edit_arguments import open_library
    from mien_cli.output import print_answer

    daemon = find_daemon(args)
    if daemon:
        gone = daemon.request("DELETE", "/v1/references" + build_query(args))
    else:
        refuse_results(args)
        gone = {"references": open_library(args).forget_all(), "results": 0}
    return print_answer(args, gone, f"{gone['references']} faces shredded, {gone['results']} results deleted")


def refuse_results(args: Namespace) -> None:
    """Refuse `--results` without a daemon, which alone knows the jobs of a face.

    Raises:
        DaemonUnreachable: `command` says how.
    """
    from mien_core.errors import DaemonUnreachable

    if args.results:
        raise DaemonUnreachable(
            "results belong to the daemon: start it, or use `mien forget-all`", command="mien forget-all"
        )


def find_daemon(args: Namespace) -> DaemonClient | None:
    from mien_api.client import DaemonClient

    return DaemonClient.discover(args.state_dir)


def build_path(reference: str) -> str:
    return f"/v1/references/{quote(reference)}"


def quote(name: str) -> str:
    """One part of a path, whatever bytes the command line had."""
    from urllib.parse import quote as quote_all

    return quote_all(name, safe="", errors="surrogateescape")


def build_query(args: Namespace) -> str:
    return "?results=true" if args.results else ""
