"""Content credentials, watermark and metadata of any picture or clip."""

from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from mien_core.errors import ImageTooLarge
from mien_daemon import keys
from mien_daemon.http.body import MEDIA, read_pieces, reply, require_media
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer
from mien_daemon.pictures.blobs import SizeLimits


class FoundCredentials(Answer):
    state: Literal["valid", "invalid", "none"]
    trusted: bool = Field(description="Signed under a root of this installation.")
    actions: list[str]
    source_type: str | None
    parents: list[dict[str, Any]] = Field(description="What it was made from: `state`, `trusted`, `problems`, …")
    problems: list[str] = Field(description="C2PA's own codes.")
    signer: dict[str, str]
    software: str | None


class FoundWatermark(Answer):
    strength: Literal["strong", "weak", "none"]
    bits: int
    agreeing: int | None = Field(description="Null where the watermark's networks are not installed.")


class VerifiedImage(Answer):
    """What `mien verify --json` prints."""

    credentials: FoundCredentials
    watermark: FoundWatermark
    metadata: dict[str, Any]


async def verify_image(request: web.Request) -> web.Response:
    require_media(request)
    settings = request.app[keys.SETTINGS].current
    limits, announced = SizeLimits.of(settings), request.content_length or 0
    if announced > (limit := limits.for_type(request.content_type)):
        raise ImageTooLarge(f"the file has {announced:,} bytes", limit_bytes=limit)
    timeout_s = request.app[keys.CONFIG].body_timeout_s * max(1.0, announced / settings.max_blob_bytes)
    found = await request.app[keys.VERIFIER].inspect(read_pieces(request), limits, timeout_s, request[keys.CLIENT])
    return reply(VerifiedImage.model_validate(found))


ROUTES = (
    Route(
        "POST",
        "/v1/verify-image",
        "verify_image",
        verify_image,
        "Content credentials, watermark and metadata of any picture or clip; it is not kept",
        "swap",
        {200: VerifiedImage},
        body=MEDIA,
        problems=(
            "bad-request",
            "request-timeout",
            "unsupported-media-type",
            "invalid-image",
            "image-too-large",
            "unsupported-clip",
            "hdr",
            "too-many-requests",
            "disk-full",
        ),
    ),
)
