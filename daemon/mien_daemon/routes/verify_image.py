"""Content credentials, watermark and metadata of any picture."""

from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from mien_api.errors import UnsupportedMediaType
from mien_core.errors import ImageTooLarge
from mien_daemon import keys
from mien_daemon.http.body import read_pieces, reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer


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
    if request.content_type != "application/octet-stream" and not request.content_type.startswith("image/"):
        raise UnsupportedMediaType("a picture is sent as application/octet-stream or image/*", field="Content-Type")
    limit = request.app[keys.SETTINGS].current.max_blob_bytes
    if (request.content_length or 0) > limit:
        raise ImageTooLarge(f"the file has {request.content_length:,} bytes", limit_bytes=limit)
    timeout_s = request.app[keys.CONFIG].body_timeout_s
    found = await request.app[keys.VERIFIER].inspect(read_pieces(request), limit, timeout_s, request[keys.CLIENT])
    return reply(VerifiedImage.model_validate(found))


ROUTES = (
    Route(
        "POST",
        "/v1/verify-image",
        "verify_image",
        verify_image,
        "Content credentials, watermark and metadata of any picture; it is not kept",
        "swap",
        {200: VerifiedImage},
        body=("application/octet-stream", "image/*"),
        problems=(
            "bad-request",
            "request-timeout",
            "unsupported-media-type",
            "invalid-image",
            "image-too-large",
            "too-many-requests",
            "disk-full",
        ),
    ),
)
