"""Small previews of pictures that were sent, and of results."""

from aiohttp import web
from pydantic import Field

from mien_daemon import keys
from mien_daemon.http.body import read_query
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Body
from mien_daemon.pictures.blobs import digest_of

MAX_SIDE = 8192


class PreviewQuery(Body):
    side: int = Field(320, ge=16, le=MAX_SIDE, description="The longest side in pixels.")


async def preview_blob(request: web.Request) -> web.Response:
    digest = digest_of(request.match_info["name"])
    side = read_query(request, PreviewQuery).side
    blobs = request.app[keys.BLOBS]
    await blobs.require(digest, request[keys.CLIENT], "blob")
    client = request[keys.CLIENT]
    await blobs.inspect(digest, client)
    return _answer(await request.app[keys.PREVIEWS].make(blobs.path(digest), digest, side, client))


class JobPreviewQuery(PreviewQuery):
    step: int = Field(0, ge=0, le=10_000, description="Not read: a page that asks anew at each step gives its number.")


async def preview_job_result(request: web.Request) -> web.Response:
    """Of a running job the picture of its latest step, as it is kept; else of the result."""
    side = read_query(request, JobPreviewQuery).side
    if step := await request.app[keys.QUEUE].step_preview(request[keys.CLIENT], request.match_info["id"]):
        return web.Response(body=step, content_type="image/jpeg", headers={"Cache-Control": "no-store"})
    job, path = await request.app[keys.QUEUE].result(request[keys.CLIENT], request.match_info["id"])
    client, digest = request[keys.CLIENT], f"result {job.result_sha256 or job.id}"
    return _answer(await request.app[keys.PREVIEWS].make(path, digest, side, client, is_result=True))


def _answer(preview: bytes) -> web.Response:
    return web.Response(body=preview, content_type="image/jpeg")


ROUTES = (
    Route(
        "GET",
        "/v1/blobs/{name}/preview",
        "preview_blob",
        preview_blob,
        "A picture that was sent, upright and small, as JPEG",
        "swap",
        {200: "image/jpeg"},
        query=PreviewQuery,
        problems=("bad-request", "unknown-blob", "invalid-image", "image-too-large", "too-many-requests"),
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
            "too-many-requests",
        ),
    ),
)
