"""Send a picture or a clip: whole, one range of it, or 304 when the client has it already."""

import asyncio
import re
import unicodedata
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from mien_api.errors import RangeNotSatisfiable
from mien_api.job_name import REFUSED

STUCK_S = 30.0
PIECE_BYTES = 256 << 10
# A name as ETag, weak or strong; a list of them; or any at all.
ETAG = re.compile(r'(?:W/)?"([^"]*)"|(\*)')
RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
ENDINGS = {
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}


async def send_picture(request: web.Request, path: Path, digest: str, media_type: str, name: str) -> web.StreamResponse:
    """Answer with a picture file; its ETag is the hash of its bytes, `name` what it is saved as, without an ending.

    Raises:
        RangeNotSatisfiable: `size` is the number of bytes there are.
    """
    headers = {
        "ETag": f'"{digest}"',
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    if is_known(request.headers.get("If-None-Match", ""), digest):
        return web.Response(status=304, headers=headers)
    size = (await asyncio.to_thread(path.stat)).st_size
    ending = ENDINGS.get(media_type, media_type.partition("/")[2])
    headers["Content-Disposition"] = attach(f"{name}.{ending}")
    start, stop = 0, size
    if (asked := request.headers.get("Range")) and wants_range(request.headers.get("If-Range"), digest):
        start, stop = parse_range(asked, size)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    response = web.StreamResponse(status=206 if "Content-Range" in headers else 200, headers=headers)
    response.content_type = media_type
    response.content_length = stop - start
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    # Opened here, not in a thread: a client that leaves meanwhile would leave the open file behind.
    with path.open("rb") as file:
        file.seek(start)
        while start < stop:
            piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, stop - start))
            if not piece:
                raise ConnectionError("the picture became shorter while it was sent")
            await write(response, piece)
            start += len(piece)
    await response.write_eof()
    return response


def attach(name: str) -> str:
    """`Content-Disposition` for a file's name, RFC 6266: in ASCII for old clients, and as it is (RFC 8187)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = REFUSED.sub("_", plain).replace("%", "_")  # only now: NFKD makes a slash of a wide one
    if plain == name:
        return f'attachment; filename="{name}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


async def write(response: web.StreamResponse, piece: bytes) -> None:
    """Send a piece; a client that takes nothing for `STUCK_S` holds no file and no connection any longer."""
    try:
        async with asyncio.timeout(STUCK_S):
            await response.write(piece)
    except TimeoutError:
        raise ConnectionError("the reader takes nothing") from None


def is_known(if_none_match: str, digest: str) -> bool:
    """Whether `If-None-Match` names these bytes."""
    return any(star or tag == digest for tag, star in ETAG.findall(if_none_match))


def wants_range(if_range: str | None, digest: str) -> bool:
    """Whether a range is what the client needs: with `If-Range` only if it has a part of these very bytes."""
    return if_range is None or if_range == f'"{digest}"'


def parse_range(asked: str, size: int) -> tuple[int, int]:
    """Start and stop of one range of bytes, RFC 9110 section 14.1.2; several ranges are not served.

    Raises:
        RangeNotSatisfiable: to_bad_request, several, or beyond the end.
    """
    match = RANGE.fullmatch(asked.replace(" ", ""))
    first, last = match.groups() if match else ("", "")
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    elif last:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = size, size
    if start >= stop:
        raise RangeNotSatisfiable(f"there are {size} bytes", field="Range", size=size)
    return start, stop
