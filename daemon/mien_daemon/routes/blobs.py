"""Pictures, by the hash of their bytes."""

from aiohttp import web

from mien_api.errors import RequestTimeout
from mien_core.errors import ImageTooLarge
from mien_daemon import keys
from mien_daemon.http.blob_schemas import BlobTaken, FoundFaces
from mien_daemon.http.body import MEDIA, read_pieces, reply, require_media
from mien_daemon.http.file_answer import send_picture
from mien_daemon.http.route import Route
from mien_daemon.pictures.blobs import SizeLimits, digest_of
from mien_daemon.running_time import timeout_while_running


async def put_blob(request: web.Request) -> web.Response:
    digest = digest_of(request.match_info["name"])
    require_media(request)
    settings, announced = request.app[keys.SETTINGS].current, request.content_length
    limit = SizeLimits.of(settings).for_type(request.content_type)
    if announced is not None and announced > limit:
        raise ImageTooLarge(f"the file has {announced:,} bytes", limit_bytes=limit)
    request.app[keys.PREVIEWS].warm()
    # A clip has the time of so many pictures of the largest size.
    timeout_s = request.app[keys.CONFIG].body_timeout_s * max(1.0, (announced or 0) / settings.max_blob_bytes)
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
    media_type = await blobs.media_type(digest)
    if media_type is None:
        media_type = f"image/{(await blobs.inspect(digest, request[keys.CLIENT])).format}"
    return await send_picture(request, blobs.path(digest), digest, media_type, f"mien-{digest[:12]}")


async def find_faces(request: web.Request) -> web.Response:
    digest = digest_of(request.match_info["name"])
    blobs = request.app[keys.BLOBS]
    await blobs.require(digest, request[keys.CLIENT], "blob")
    found = await blobs.inspect(digest, request[keys.CLIENT])
    faces = await request.app[keys.WORKERS].find_faces(str(blobs.path(digest)))
    return reply(FoundFaces(faces=[dict(face) for face in faces], longest_side=max(found.width, found.height)))


ROUTES = (
    Route(
        "PUT",
        "/v1/blobs/{name}",
        "put_blob",
        put_blob,
        "Send a picture or a clip under the hash of its bytes",
        "swap",
        {201: BlobTaken},
        body=MEDIA,
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
        "A picture or a clip that was sent, as it came",
        "swap",
        {200: ("image/*", "video/*"), 206: ("image/*", "video/*"), 304: None},
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
