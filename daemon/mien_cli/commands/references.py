"""`mien references`: faces that may be used again, each kept with its consent."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from datetime import datetime

    from mien_api.client import DaemonClient
    from mien_daemon.references.consent import Consent
    from mien_daemon.references.library import ReferenceLibrary

DESCRIPTION = "Faces that may be used again, sealed on this machine, each with the consent that allows it."
NEEDED_MODELS = ("content-check", "face-detection", "face-mesh")


def add_arguments(parser: ArgumentParser) -> None:
    from mien_cli.statement import add_statement_arguments

    actions = parser.add_subparsers(metavar="ACTION", required=True)
    adding = actions.add_parser(
        "add",
        help="keep a face",
        description="Keep a face. --basis and --adult are your statement; it is kept with the picture.",
    )
    adding.add_argument("image", type=Path, metavar="IMAGE", help="a picture of one person")
    adding.add_argument("--name", required=True, metavar="N", help="what you call this face")
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
    exporting = actions.add_parser("export", help="everything that is kept of one person, for that person")
    exporting.add_argument("id", metavar="ID")
    exporting.set_defaults(run=export)
    removing = actions.add_parser("remove", help="withdraw one consent and shred the face")
    removing.add_argument("id", metavar="ID")
    removing.set_defaults(run=remove)
    forgetting = actions.add_parser("forget-all", help="shred the whole library")
    forgetting.set_defaults(run=forget_all)
    for each in (removing, forgetting):
        each.add_argument("--results", action="store_true", help="and delete every job made with it, and its result")


def add(args: Namespace) -> int:
    from mien_cli.in_process import read_picture
    from mien_cli.output import print_answer
    from mien_daemon.references.consent import Consent

    consent = Consent.given(args.name, args.basis, adult=args.adult, expires_at=compute_end(args.days))
    picture = read_picture(args.image)
    daemon = find_daemon(args)
    made = add_through_daemon(daemon, picture, consent) if daemon else add_in_process(args, picture, consent)
    return print_answer(args, made, f"{made['id']}  {made['name']}: use it as ref:{made['id']}")


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


def add_through_daemon(daemon: DaemonClient, picture: bytes, consent: Consent) -> dict[str, Any]:
    statement = {"name": consent.label, "basis": consent.basis, "adult": consent.adult}
    name = daemon.put_blob(picture)
    return daemon.request("POST", "/v1/references", {"picture": name, **statement, "expires_at": consent.expires_at})


def add_in_process(args: Namespace, picture: bytes, consent: Consent) -> dict[str, Any]:
    """Check the picture and seal it in this process."""
    from mien_cli.in_process import fetch_missing, open_runtime, open_store
    from mien_daemon.pictures.preview_process import preview
    from mien_daemon.references.admission import THUMBNAIL_SIDE, blame_the_reference, require_one_face
    from mien_daemon.references.records import describe

    store = open_store(args)
    fetch_missing(store, NEEDED_MODELS, quiet=args.json)
    with blame_the_reference():
        require_one_face(open_runtime(args, store, caged=False).find_faces(picture))
    return describe(open_library(args).add(picture, preview(picture, THUMBNAIL_SIDE), consent))


def list_all(args: Namespace) -> int:
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
    return f"{reference['id']}  {reference['basis']:<18}  until {end}{over}  {reference['name']}"


def export(args: Namespace) -> int:
    """Print the record as a document, with `--json` or without, because the person may keep it."""
    from mien_cli.output import print_answer, to_json

    daemon = find_daemon(args)
    found = daemon.request("GET", build_path(args.id)) if daemon else open_library(args).export(args.id)
    return print_answer(args, found, to_json(found))


def remove(args: Namespace) -> int:
    from mien_cli.output import print_answer

    daemon = find_daemon(args)
    if daemon:
        daemon.request("DELETE", build_path(args.id) + build_query(args))
    else:
        refuse_results(args)
        open_library(args).withdraw(args.id)
    return print_answer(args, {"id": args.id, "withdrawn": True}, f"{args.id} is withdrawn, and its picture shredded")


def forget_all(args: Namespace) -> int:
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


def open_library(args: Namespace) -> ReferenceLibrary:
    from mien_cli.in_process import load_config
    from mien_daemon.references.library import ReferenceLibrary

    return ReferenceLibrary(load_config(args).folders.state)


def build_path(reference: str) -> str:
    from urllib.parse import quote

    return f"/v1/references/{quote(reference, safe='', errors='surrogateescape')}"


def build_query(args: Namespace) -> str:
    return "?results=true" if args.results else ""
