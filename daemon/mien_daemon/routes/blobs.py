"""Pictures, by the hash of their bytes."""

from aiohttp import web

from mien_api.errors import RequestTimeout, UnsupportedMediaType
from mien_core.errors import ImageTooLarge
from mien_daemon import keys
from mien_daemon.http.body import read_pieces, reply
from mien_daemon.http.file_answer import send_picture
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import BlobTaken, FoundFaces
from mien_daemon.pictures.blobs import digest_of
from mien_daemon.running_time import timeout_while_running


async def put_blob(request: web.Request) -> web.Response:
    digest = digest_of(request.match_info["name"])
    if request.content_type != "application/octet-stream" and not request.content_type.startswith("image/"):
        raise UnsupportedMediaType("a picture is sent as application/octet-stream or image/*", field="Content-Type")
    limit = request.app[keys.SETTINGS].current.max_blob_bytes
    announced = request.content_length
    if announced is not None and announced > limit:
        raise ImageTooLarge(f"the file has {announced:,} bytes", limit_bytes=limit)
    request.app[keys.PREVIEWS].warm()
    timeout_s = request.app[keys.CONFIG].body_timeout_s
    client = request[keys.CLIENT]
    try:
        with request.app[keys.SHARES].uploads.hold(client):
            async with timeout_while_running(timeout_s):
                size = await request.app[keys.BLOBS].put(digest, client, read_pieces(request), announced)
    except TimeoutError:
        raise RequestTimeout("the picture came too slowly", timeout_s=timeout_s) from None
    return reply(BlobTaken(blob=f"sha256:{digest}", size=size), 201)


async def get_blob(request: web.Request) -> web.StreamResponse:
    digest = digest_of(request.match_info["name"])
    blobs = request.app[keys.BLOBS]
    await blobs.require(digest, request[keys.CLIENT], "blob")
    info = await blobs.inspect(digest, request[keys.CLIENT])
    return await send_picture(request, blobs.path(digest), digest, f"image/{info.format}", digest[:12])


async def find_faces(request: web.Request) -> web.Response:
    digest = digest_of(request.match_info["name"])
    blobs = request.app[keys.BLOBS]
    await blobs.require(digest, request[keys.CLIENT], "blob")
    await blobs.inspect(digest, request[keys.CLIENT])
    faces = await request.app[keys.WORKER].find_faces(str(blobs.path(digest)))
    return reply(FoundFaces(faces=[dict(face) for face in faces]))


ROUTES = (
    Route(
        "PUT",
        "/v1/blobs/{name}",
        "put_blob",
        put_blob,
        "Send a picture under the hash of its bytes",
        "swap",
        {201: BlobTaken},
        body=("application/octet-stream", "image/*"),
        problems=(
            "bad-request",
            "request-timeout",
            "image-too-large",
            "unsupported-media-type",
            "digest-mismatch",
            "too-many-requests",
            "disk-full",
        ),
    ),
    Route(
        "GET",
        "/v1/blobs/{name}",
        "get_blob",
        get_blob,
        "A picture that was sent, as it came",
        "swap",
        {200: "image/*", 206: "image/*", 304: None},
        problems=(
            "bad-request",
            "unknown-blob",
            "range-not-satisfiable",
            "invalid-image",
            "image-too-large",
            "too-many-requests",
        ),
        headers={"If-None-Match": "An ETag", "Range": "One range of bytes"},
    ),
    Route(
        "GET",
        "/v1/blobs/{name}/faces",
        "find_faces",
        find_faces,
        "The faces in a picture that was sent; the worker finds them after its running job",
        "swap",
        {200: FoundFaces},
        problems=(
            "bad-request",
            "unknown-blob",
            "invalid-image",
            "image-too-large",
            "too-many-requests",
            "content-blocked",
            "check-unavailable",
            "model-not-installed",
            "worker-died",
        ),
    ),
)
