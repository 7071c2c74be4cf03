"""Small previews of pictures that were sent, and of results."""

from aiohttp import web
from pydantic import Field

from mien_daemon import keys
from mien_daemon.http.body import read_query
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Body
from mien_daemon.pictures.blobs import digest_of
from mien_daemon.worker.messages import THUMBNAIL_PX

MAX_SIDE = 8192


class PreviewQuery(Body):
    side: int = Field(320, ge=16, le=MAX_SIDE, description="The longest side in pixels.")
    at: float = Field(
        0, ge=0, le=86_400, allow_inf_nan=False, description="Of a clip the picture after so many seconds."
    )


async def preview_blob(request: web.Request) -> web.Response:
    digest = digest_of(request.match_info["name"])
    query = read_query(request, PreviewQuery)
    blobs = request.app[keys.BLOBS]
    await blobs.require(digest, request[keys.CLIENT], "blob")
    client = request[keys.CLIENT]
    if not await blobs.is_clip(digest):
        await blobs.inspect(digest, client)
    previews = request.app[keys.PREVIEWS]
    return _answer(await previews.make(blobs.path(digest), digest, query.side, client, at_s=query.at))


class JobPreviewQuery(PreviewQuery):
    step: int = Field(0, ge=0, le=10_000, description="Not read: a page that asks anew at each step gives its number.")


async def preview_job_result(request: web.Request) -> web.Response:
    """Of a running job the picture of its latest step or segment, as it is kept; else of the result.

    That of a tile's size was made when the job ended.
    """
    query = read_query(request, JobPreviewQuery)
    if query.side == THUMBNAIL_PX and not query.at:
        small = await request.app[keys.QUEUE].thumbnail(request[keys.CLIENT], request.match_info["id"])
        if small is not None:
            return _answer(small)
    if step := await request.app[keys.QUEUE].step_preview(request[keys.CLIENT], request.match_info["id"]):
        return web.Response(body=step, content_type="image/jpeg", headers={"Cache-Control": "no-store"})
    job, path = await request.app[keys.QUEUE].result(request[keys.CLIENT], request.match_info["id"])
    client, digest = request[keys.CLIENT], f"result {job.result_sha256 or job.id}"
    previews = request.app[keys.PREVIEWS]
    return _answer(await previews.make(path, digest, query.side, client, is_result=True, at_s=query.at))


def _answer(preview: bytes) -> web.Response:
    return web.Response(body=preview, content_type="image/jpeg")


ROUTES = (
    Route(
        "GET",
        "/v1/blobs/{name}/preview",
        "preview_blob",
        preview_blob,
        "A picture that was sent, or one of a clip, upright and small, as JPEG",
        "swap",
        {200: "image/jpeg"},
        query=PreviewQuery,
        problems=(
            "bad-request",
            "unknown-blob",
            "invalid-image",
            "image-too-large",
            "unsupported-clip",
            "hdr",
            "too-many-requests",
        ),
    ),
    Route(
        "GET",
        "/v1/jobs/{id}/preview",
        "preview_job_result",
        preview_job_result,
        "A result, small, as JPEG, or the latest step of a running job; at most half its side: it has no credentials",
        "swap",
        {200: "image/jpeg"},
        query=JobPreviewQuery,
        problems=(
            "bad-request",
            "unknown-job",
            "job-unfinished",
            "job-finished",
            "job-expired",
            "result-damaged",
            "invalid-image",
            "image-too-large",
            "unsupported-clip",
            "hdr",
            "too-many-requests",
        ),
    ),
)
