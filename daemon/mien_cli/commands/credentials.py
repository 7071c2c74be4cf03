"""`mien credentials`: show the certificate that signs this installation's results, or make a new one."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from cryptography.x509 import Certificate

    from mien_pipeline.trust.authority import Authority

DESCRIPTION = "The certificate that signs results. It names no person; its serial number is in every result."


def add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("show", help="the certificate").set_defaults(run=show)
    rotating = actions.add_parser(
        "rotate",
        help="a new certificate",
        description="Another certificate signs from the next result on, so that it does not link later results with "
        "earlier ones. This installation still recognises its earlier results.",
    )
    rotating.set_defaults(run=rotate)


def show(args: Namespace) -> int:
    from mien_cli.output import print_answer

    certificate = open_authority(args).certificate()
    if certificate is None:
        return print_answer(args, {"certificate": None}, "there is none yet; the first result makes one")
    return print_answer(args, {"certificate": describe(certificate)}, to_text(certificate))


def rotate(args: Namespace) -> int:
    from mien_cli.output import print_answer

    authority = open_authority(args)
    before = authority.certificate()
    authority.rotate()
    after = authority.certificate()
    found = {
        "before": describe(before) if before else None,
        "certificate": describe(after) if after else None,
    }
    return print_answer(args, found, to_text(after) if after else "")


def open_authority(args: Namespace) -> Authority:
    from mien_cli.in_process import load_config
    from mien_pipeline.trust.authority import Authority

    return Authority(load_config(args).folders.state)


def describe(certificate: Certificate) -> dict[str, str]:
    return {
        "name": certificate.subject.rfc4514_string(),
        "serial": str(certificate.serial_number),
        "from": certificate.not_valid_before_utc.date().isoformat(),
        "until": certificate.not_valid_after_utc.date().isoformat(),
    }


def to_text(certificate: Certificate) -> str:
    found = describe(certificate)
    return f"{found['name']}, serial {found['serial']}, {found['from']} to {found['until']}"
