"""What was confirmed of each face that goes to a cluster, and what the person is told of it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from mien_cli.batch.cluster.place import Cluster
from mien_cli.edit_arguments import is_library_face, open_library
from mien_cli.output import print_note
from mien_daemon.references.consent import Consent


def tell_where_pictures_go(cluster: Cluster) -> None:
    """Say in a line that other machines see the faces: the words of the statement speak of this one alone."""
    if not cluster.is_own:
        print_note(
            f"Reference faces and pictures are sent to the cluster {cluster.address}. "
            "By this command you state that the permission to use the faces holds for swaps there, too."
        )


def state_consents(args: Namespace) -> list[dict[str, str | bool | None]]:
    """Of each person the consent without its label: of the library, or as the flags of this command say it.

    What was stated at a terminal before is not enough, because the record that travels names the basis.

    Raises:
        ConsentRequired: a face is a file, and `--basis` or `--adult` was not said; `field` names the one.
        UnknownReference: the library has no such face.
    """
    found: list[dict[str, str | bool | None]] = []
    for face in args.face:
        if is_library_face(face):
            consent = open_library(args).usable(face.removeprefix("ref:")).consent
        else:
            consent = Consent.given("", args.basis, adult=args.adult, expires_at=None)
        found.append({name: value for name, value in asdict(consent).items() if name != "label"})
    return found
