"""Read the body and the query of a request, strictly; shape the body of an answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from fnmatch import fnmatch
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from mien_api.errors import RequestTimeout, RequestTooLarge, Unpaired, UnsupportedMediaType
from mien_core.errors import BadRequest
from mien_daemon.keys import CLIENT, CLIENTS
from mien_daemon.running_time import timeout_while_running

Model = TypeVar("Model", bound=BaseModel)

MAX_JSON_BYTES = 64 * 1024  # the longest honest body is a prompt of 2,000 characters with its options
JSON_TIMEOUT_S = 10.0
PIECE_BYTES = 1 << 20
MOST_COMMAS = 1000  # a longer body is pictures in base64, which has none; every wrong value is a kilobyte of report
MEDIA = ("application/octet-stream", "image/*", "video/*")
"""As what pictures and clips are sent."""


async def read_json(
    request: web.Request, model: type[Model], limit: int = MAX_JSON_BYTES, timeout_s: float = JSON_TIMEOUT_S
) -> Model:
    """The body as `model`.

    Raises:
        UnsupportedMediaType: the content type is not application/json.
        RequestTooLarge, RequestTimeout: more bytes, or more slowly, than such a body needs.
        Unpaired: the client was revoked while its body came.
        BadRequest: not JSON, too many values, or not of that shape; `field` names the first member that is wrong.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaType("the body must be application/json", field="Content-Type")
    data = await read_bytes(request, limit, timeout_s)
    require_active(request)
    if len(data) > MAX_JSON_BYTES:
        if data.count(b",") > MOST_COMMAS:
            raise BadRequest("a body of this size may not have so many values", field="body")
        return await asyncio.to_thread(parse_body, data, model)
    return parse_body(data or b"{}", model)


def parse_body(data: bytes, model: type[Model]) -> Model:
    """The bytes of a body as `model`.

    Raises:
        BadRequest: as `read_json` says.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise to_bad_request(error, _parse(data)) from None


def require_media(request: web.Request) -> None:
    """Return if the body is announced as a picture, a clip or mere bytes.

    Raises:
        UnsupportedMediaType: it is not.
    """
    if not any(fnmatch(request.content_type, each) for each in MEDIA):
        raise UnsupportedMediaType(
            "a picture or a clip is sent as application/octet-stream, image/* or video/*", field="Content-Type"
        )


def require_active(request: web.Request) -> None:
    """Return unless the client was revoked after the guard let it in: a body may take its time.

    Raises:
        Unpaired: it was revoked.
    """
    client = request.get(CLIENT)
    if client is not None and not request.app[CLIENTS].is_active(client):
        raise Unpaired("this client was revoked")


async def read_bytes(request: web.Request, limit: int, timeout_s: float) -> bytes:
    """The raw body, counted while it arrives.

    Raises:
        RequestTooLarge: more than `limit` bytes.
        RequestTimeout: not whole after `timeout_s`.
    """
    read = bytearray()
    try:
        async with timeout_while_running(timeout_s):
            async for chunk in request.content.iter_any():
                read += chunk
                if len(read) > limit:
                    raise RequestTooLarge(f"the body has more than {limit:,} bytes", limit_bytes=limit)
    except TimeoutError:
        raise RequestTimeout("the body came too slowly", timeout_s=timeout_s) from None
    return bytes(read)


async def read_pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body in pieces of about 1 MiB, each of which is one write.

    Raises:
        Unpaired: the client was revoked while its body came.
    """
    gathered = bytearray()
    async for piece in request.content.iter_any():
        gathered += piece
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    require_active(request)
    if gathered:
        yield bytes(gathered)


def read_query(request: web.Request, model: type[Model]) -> Model:
    """The query parameters as `model`; each may be given once.

    Raises:
        BadRequest: `field` names the first that is unknown, doubled or wrong.
    """
    values: dict[str, str] = {}
    for name, value in request.query.items():
        if name in values:
            raise BadRequest(f"{name} is given twice", field=name)
        values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise to_bad_request(error, values) from None


def _parse(data: bytes) -> object:
    """What a body says, by the parser that refused it, whose limits differ from Python's; None where it is no JSON."""
    try:
        return from_json(data)
    except ValueError:
        return None


def to_bad_request(error: ValidationError, sent: object) -> BadRequest:
    """The error that names the first wrong member."""
    field, words = find_first_mistake(error, sent)
    return BadRequest(words, field=field)


def find_first_mistake(error: ValidationError, sent: object) -> tuple[str, str]:
    """(the first member that is wrong, as the client named it; what is wrong with it)."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = _member(first, sent) or "body"
    unknown = first["type"] == "extra_forbidden"
    return field, f"{field}: {'there is no such field' if unknown else first['msg']}"


def _member(wrong: ErrorDetails, sent: object) -> str:
    """The path to a member in what was sent, without the names that pydantic adds for the branches of a union."""
    if "discriminator" in (about := wrong.get("ctx", {})):
        return str(about["discriminator"]).strip("'")
    path: list[str] = []
    node: Any = sent
    for part in wrong["loc"]:
        if _is_in(node, part):
            node = node[part]
        elif wrong["type"] != "missing" or part is not wrong["loc"][-1]:
            continue
        path.append(str(part))
    return ".".join(path)


def _is_in(node: object, part: str | int) -> bool:
    return part in node if isinstance(node, dict) else isinstance(node, list) and isinstance(part, int)


def reply(
    content: BaseModel | Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON answer."""
    if isinstance(content, BaseModel):
        return web.Response(
            text=content.model_dump_json(), status=status, headers=headers, content_type="application/json"
        )
    return web.json_response(content, status=status, headers=headers)
