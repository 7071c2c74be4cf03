"""Read a form with files (multipart/form-data), counted while it arrives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from mien_api.errors import RequestTimeout, RequestTooLarge, UnsupportedMediaType
from mien_core.errors import BadRequest
from mien_daemon.http.body import require_active
from mien_daemon.running_time import timeout_while_running

MOST_PARTS = 64
MOST_TEXT_BYTES = 64 * 1024  # OpenAI's prompts have 32,000 characters


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent: texts by name, and files by name in their order."""

    texts: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])


async def read_form(request: web.Request, limit: int, timeout_s: float) -> Form:
    """The fields of a form; a part with a file name is a file.

    Raises:
        UnsupportedMediaType: it is no form with files.
        RequestTooLarge, RequestTimeout: more bytes, or more slowly, than such a body needs.
        Unpaired: the client was revoked while its body came.
        BadRequest: malformed, or a text that is given twice; `field` names it.
    """
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType("the body must be multipart/form-data", field="Content-Type")
    try:
        async with timeout_while_running(timeout_s):
            form = await _read(request, limit)
    except TimeoutError:
        raise RequestTimeout("the body came too slowly", timeout_s=timeout_s) from None
    # What aiohttp's reader says of a form that it cannot read.
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError):
        raise BadRequest("the form is malformed", field="body") from None
    require_active(request)
    return form


async def _read(request: web.Request, limit: int) -> Form:
    form, left, parts = Form(), limit, 0
    async for part in await request.multipart():
        parts += 1
        if not isinstance(part, BodyPartReader) or not part.name or parts > MOST_PARTS:
            raise BadRequest("a form has named fields and files, and no more than 64", field="body")
        is_file = part.filename is not None
        most = left if is_file else min(left, MOST_TEXT_BYTES)
        data = await _read_part(part, most, limit if most == left else MOST_TEXT_BYTES)
        left -= len(data)
        if is_file:
            form.files.setdefault(part.name, []).append(data)
        elif part.name in form.texts:
            raise BadRequest(f"{part.name} is given twice", field=part.name)
        else:
            form.texts[part.name] = data.decode()
    return form


async def _read_part(part: BodyPartReader, most: int, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > most:
            raise RequestTooLarge(f"the body has more than {limit:,} bytes", limit_bytes=limit)
    return bytes(data)


def require_known(texts: Mapping[str, str], known: frozenset[str]) -> None:
    """Return if every text is one that the route knows.

    Raises:
        BadRequest: `field` names the first that is not.
    """
    if strange := sorted(texts.keys() - known):
        raise BadRequest(f"{strange[0]}: there is no such field", field=strange[0])
