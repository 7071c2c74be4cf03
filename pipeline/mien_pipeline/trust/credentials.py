"""Content credentials (C2PA): every result is signed with what was done to it, and any picture's can be read.

Nothing is fetched from anywhere: not manifests kept elsewhere, not revocation lists. No thumbnails are made: they
would carry the picture from before the swap, and those that the target's own credentials bring along are redacted,
as are its position and serial numbers. The reference face is never an ingredient. Of a target without credentials the
library is shown nothing: it would copy the number and the address that stand in the XMP. A target's own claim is kept
as its maker signed it, with its title and its numbers: a claim cannot be shortened and still be valid.
"""

import io
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import c2pa

from mien_core.errors import MarkingFailed
from mien_pipeline.media.metadata import CREATOR_TOOL, DESCRIPTIONS, DIGITAL_SOURCE_TYPE
from mien_pipeline.report import Edit, ModelUse
from mien_pipeline.trust.authority import Signatory
from mien_pipeline.trust.manifests import (
    ASSERTION,
    ELSEWHERE,
    ELSEWHERE_CODES,
    UNREADABLE,
    UNREADABLE_CODES,
    Credentials,
    mapping,
    to_credentials,
)

# What stays of the target's own credentials: what was done to it, by whom, and what ties that to its pixels. The rest
# (thumbnails, camera data, anything that a maker adds) may show or tell what the whitelist of EXIF drops as well.
_KEPT_ASSERTIONS = (
    "c2pa.actions",
    "c2pa.certificate-status",
    "c2pa.hash.",
    "c2pa.ingredient",
    "c2pa.soft-binding",
    "c2pa.time-stamp",
    "c2pa.training-mining",
    "cawg.training-mining",
    "stds.schema-org.CreativeWork",
    ASSERTION,
)

# The library's own logger repeats what a failing signer raised; nothing of a job belongs in a log.
logging.getLogger("c2pa").setLevel(logging.CRITICAL)


# The library's messages begin with the kind of error. Any other means that what is there cannot be understood.
_UNREAD = {
    "ManifestNotFound": Credentials(),
    "NotSupported": Credentials(),
    "Remote": Credentials(problems=ELSEWHERE_CODES),
}


Media = bytes | Path
"""An encoded picture, or the file of a clip, which is never read into memory as a whole."""


def sign(
    picture: bytes,
    media_type: str,
    target: bytes,
    target_media_type: str,
    edit: Edit,
    signatory: Signatory,
    time_stamp_url: str | None = None,
) -> bytes:
    """`picture` with credentials: edited from `target`, whose own credentials are kept inside.

    Args:
        time_stamp_url: a time-stamp authority to ask (RFC 3161), so that the credentials outlive the certificate;
            it learns a hash and when. By default none is asked.

    Raises:
        MarkingFailed: no credentials could be made or embedded.
    """
    out = io.BytesIO()
    _sign(io.BytesIO(picture), out, media_type, (target, target_media_type), edit, signatory, time_stamp_url)
    signed = out.getvalue()
    if len(signed) <= len(picture):
        raise MarkingFailed("the content credentials could not be embedded")
    return signed


def sign_clip(
    made: Path,
    signed: Path,
    media_type: str,
    target: Path,
    target_media_type: str,
    edit: Edit,
    signatory: Signatory,
    time_stamp_url: str | None = None,
) -> None:
    """Write the clip or animation `made` with credentials to `signed`, as `sign` does with pictures; raises as that."""
    with made.open("rb") as source, signed.open("w+b") as out:
        _sign(source, out, media_type, (target, target_media_type), edit, signatory, time_stamp_url)
    if signed.stat().st_size <= made.stat().st_size:
        raise MarkingFailed("the content credentials could not be embedded")


def _sign(
    source: BinaryIO,
    out: BinaryIO,
    media_type: str,
    parent: tuple[Media, str],
    edit: Edit,
    signatory: Signatory,
    time_stamp_url: str | None,
) -> None:
    target, target_media_type = parent
    found = read(target, target_media_type)
    hosts = [host] if time_stamp_url and (host := urlsplit(time_stamp_url).hostname) else []
    try:
        with (
            c2pa.Context.from_dict(_settings(signatory.roots, hosts)) as context,
            c2pa.Builder(_manifest(edit, target, target_media_type, found), context) as builder,
            c2pa.Signer.from_callback(
                signatory.sign, c2pa.C2paSigningAlg.ES256, signatory.chain, time_stamp_url
            ) as signer,
        ):
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            if _has_manifest(found):
                number = f"xmp:iid:{uuid.uuid4()}"  # else the library takes the one in the target's XMP
                with _open(target) as opened:
                    builder.add_ingredient(
                        {"relationship": "parentOf", "instance_id": number}, target_media_type, opened
                    )
            builder.sign(signer, media_type, source, out)
    except c2pa.C2paError as error:
        raise MarkingFailed("the content credentials could not be made") from error


def read(media: Media, media_type: str, roots: str = "") -> Credentials:
    """What the credentials of any picture or clip say; `roots` are those called trusted, PEM."""
    try:
        with (
            _open(media) as opened,
            c2pa.Context.from_dict(_settings(roots)) as context,
            c2pa.Reader(media_type, opened, context=context) as reader,
        ):
            store: dict[str, Any] = json.loads(reader.json())
    except c2pa.C2paError as error:
        return _UNREAD.get(str(error).partition(":")[0], Credentials("invalid", problems=UNREADABLE_CODES))
    return to_credentials(store)


def _open(media: Media) -> BinaryIO:
    return io.BytesIO(media) if isinstance(media, bytes) else media.open("rb")


def _settings(roots: str, hosts: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "version": 1,
        **({"trust": {"user_anchors": roots}} if roots else {}),
        "verify": {"verify_after_sign": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"allowed_network_hosts": list(hosts)},
        "builder": {"thumbnail": {"enabled": False}},
    }


def list_private_assertions(target: Media, media_type: str) -> list[str]:
    """Every assertion of the target's own credentials, and of those inside them, that must not leave with a result."""
    try:
        with (
            _open(target) as opened,
            c2pa.Context.from_dict(_settings("")) as context,
            c2pa.Reader(media_type, opened, context=context) as reader,
        ):
            manifests: Mapping[str, Any] = mapping(json.loads(reader.detailed_json()).get("manifests"))
    except c2pa.C2paError:
        return []  # none, or none that can be read: the library takes over nothing of those
    return [
        f"self#jumbf=/c2pa/{label}/c2pa.assertions/{assertion}"
        for label, manifest in manifests.items()
        for assertion in mapping(
            mapping(manifest).get("assertion_store")
        )  # those that were redacted before are not in it
        if not assertion.startswith(_KEPT_ASSERTIONS)
    ]


def _describe(model: ModelUse) -> dict[str, object]:
    """A weight file in the credentials; one that no source has vouched for says so."""
    described: dict[str, object] = {"name": model.name, "sha256": model.sha256}
    return described if model.verified else {**described, "verified": False}


def _has_manifest(found: Credentials) -> bool:
    """Whether credentials can be taken over, be they valid or not."""
    return found.state != "none" and found.problems != UNREADABLE_CODES


def _manifest(edit: Edit, target: Media, target_media_type: str, found: Credentials) -> dict[str, Any]:
    redacted = list_private_assertions(target, target_media_type) if _has_manifest(found) else []
    # Without an explicit parent the library would make the output its own.
    bare = [] if _has_manifest(found) else [{"relationship": "parentOf", "format": target_media_type}]
    agent = {"name": CREATOR_TOOL, "version": version("mien")}
    edited = {
        "action": "c2pa.edited",
        "softwareAgent": agent,
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "description": DESCRIPTIONS[edit.kind],
    }
    redactions = [
        {"action": "c2pa.redacted", "reason": "c2pa.PII.present", "parameters": {"redacted": uri}} for uri in redacted
    ]
    made = {
        "settings": edit.settings,
        "models": [_describe(model) for model in edit.models],
        # The library drops such credentials without a word.
        **({UNREADABLE: True} if found.problems == UNREADABLE_CODES else {}),
        **({ELSEWHERE: True} if found.problems == ELSEWHERE_CODES else {}),
    }
    return {
        "claim_generator_info": [agent],
        "redactions": redacted,
        "ingredients": bare,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [edited, *redactions]}},
            {"label": ASSERTION, "data": made},
        ],
    }
