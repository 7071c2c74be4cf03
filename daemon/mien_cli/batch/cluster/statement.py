"""What was confirmed of each face that goes to a cluster, and what the person is told of it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from mien_cli.batch.cluster.place import Cluster
from mien_cli.edit_arguments import is_library_face, open_library
from mien_cli.output import print_note
from mien_core.errors import ConsentRequired
from mien_daemon.references.consent import ELSEWHERE, ELSEWHERE_VERSION, Consent


def require_elsewhere(cluster: Cluster, *, stated: bool) -> None:
    """Return if no face leaves this machine, or the person stated that it may; then say where the pictures go.

    The words of the statement itself speak of this machine alone.

    Raises:
        ConsentRequired: `field` is "elsewhere".
    """
    if cluster.is_own:
        return
    if not stated:
        words = " Or: ".join(ELSEWHERE.values())
        raise ConsentRequired(f"with --elsewhere you state of every face: {words}", field="elsewhere")
    print_note(f"Reference faces and pictures are sent to the cluster {cluster.address}.")


def state_consents(args: Namespace) -> list[dict[str, str | bool | None]]:
    """Of each person the consent without its label: of the library, or as the flags of this command say it.

    Beside it stands the version of what was confirmed for other machines, where the faces are sent to any.

    What was stated at a terminal before is not enough, because the record that travels names the basis.

    Raises:
        ConsentRequired: a face is a file, and `--basis` or `--adult` was not said; `field` names the one.
        UnknownReference: the library has no such face.
    """
    found: list[dict[str, str | bool | None]] = []
    elsewhere = {} if args.on.is_own else {"elsewhere": ELSEWHERE_VERSION}
    for face in args.face:
        if is_library_face(face):
            consent = open_library(args).usable(face.removeprefix("ref:")).consent
        else:
            consent = Consent.given("", args.basis, adult=args.adult, expires_at=None)
        found.append({name: value for name, value in asdict(consent).items() if name != "label"} | elsewhere)
    return found
