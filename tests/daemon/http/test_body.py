"""A body is JSON of the right shape, small and quick, or is refused by the name of what is wrong."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from aiohttp import web
from pydantic import Field, ValidationError

from mien_core.errors import BadRequest
from mien_daemon.http.body import (
    MAX_JSON_BYTES,
    MOST_COMMAS,
    find_first_mistake,
    parse_body,
    read_bytes,
    read_json,
    read_query,
    reply,
    to_bad_request,
)
from mien_daemon.http.schemas import Answer, Body


class Part(Body):
    size: int = Field(gt=0)


class Red(Body):
    kind: Literal["red"]
    depth: int


class Blue(Body):
    kind: Literal["blue"]
    parts: tuple[Part, ...] = ()


class Order(Body):
    count: int = 1
    paint: Red | Blue | None = Field(None, discriminator="kind")


class Shown(Answer):
    name: str


async def echo(request: web.Request) -> web.Response:
    return reply((await read_json(request, Order)).model_dump())


async def echo_query(request: web.Request) -> web.Response:
    return reply({"size": read_query(request, Part).size})


async def test_a_body_is_read_and_what_is_left_out_has_its_default(serve: Any) -> None:
    async with serve(echo) as client:
        for sent, count in ((b'{"count": 3}', 3), (b"{}", 1), (b"", 1)):
            answer = await client.post("/", data=sent, headers={"Content-Type": "application/json"})
            assert (await answer.json())["count"] == count


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/problem+json"])
async def test_only_json_is_read(serve: Any, media_type: str) -> None:
    async with serve(echo) as client:
        answer = await client.post("/", data=b"{}", headers={"Content-Type": media_type})
        problem = await answer.json()
    assert (answer.status, problem["code"], problem["field"]) == (415, "unsupported-media-type", "Content-Type")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"count": "many"}, "count"),
        ({"more": 1}, "more"),
        ({"paint": {"kind": "green"}}, "kind"),
        ({"paint": {"kind": "red"}}, "paint.depth"),
        ({"paint": {"kind": "red", "depth": "x"}}, "paint.depth"),
        ({"paint": {"kind": "blue", "parts": [{"size": 1}, {"size": 0}]}}, "paint.parts.1.size"),
    ],
)
async def test_the_first_wrong_member_is_named_as_the_client_named_it(serve: Any, sent: object, field: str) -> None:
    async with serve(echo) as client:
        answer = await client.post("/", json=sent)
        problem = await answer.json()
    assert (answer.status, problem["code"], problem["field"]) == (400, "bad-request", field)
    assert field in problem["detail"]


@pytest.mark.parametrize("sent", [b"{", b"[]", b"null", b"\xff"])
async def test_what_is_no_object_is_a_wrong_body(serve: Any, sent: bytes) -> None:
    async with serve(echo) as client:
        answer = await client.post("/", data=sent, headers={"Content-Type": "application/json"})
        assert (answer.status, (await answer.json())["field"]) == (400, "body")


@pytest.mark.parametrize("sent", [b"", b"{}", b'{"size": ' + b"1" * 4300 + b', "more": 1}'])
def test_a_body_without_what_is_needed_or_with_a_huge_number_is_refused_by_name(sent: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_body(sent or b"{}", Part)
    assert refused.value.fields["field"] in {"size", "more"}


async def test_an_empty_body_lacks_what_is_needed(aiohttp_client: Any) -> None:
    async def take(request: web.Request) -> web.Response:
        try:
            return reply((await read_json(request, Part)).model_dump())
        except BadRequest as error:
            return reply({"field": error.fields["field"]}, 400)

    app = web.Application()
    app.router.add_post("/", take)
    client = await aiohttp_client(app)
    async with client.post("/", data=b"", headers={"Content-Type": "application/json"}) as answer:
        assert (answer.status, await answer.json()) == (400, {"field": "size"})


def test_an_unknown_member_is_said_to_be_unknown() -> None:
    with pytest.raises(ValidationError) as wrong:
        Part.model_validate_json(b'{"size": 1, "colour": 2}')
    assert find_first_mistake(wrong.value, {"size": 1, "colour": 2}) == ("colour", "colour: there is no such field")
    assert to_bad_request(wrong.value, {"size": 1, "colour": 2}).fields == {"field": "colour"}


async def test_a_json_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not(serve: Any) -> None:
    async with serve(echo) as client:
        for extra, status in ((0, 200), (1, 413)):
            sent = b'{"count": 2' + b" " * (MAX_JSON_BYTES + extra - 12) + b"}"
            answer = await client.post("/", data=sent, headers={"Content-Type": "application/json"})
            assert answer.status == status
        assert (await answer.json())["limit_bytes"] == MAX_JSON_BYTES == 65_536


async def test_a_large_body_is_pictures_and_never_a_long_list(serve: Any) -> None:
    async def echo_large(request: web.Request) -> web.Response:
        return reply((await read_json(request, Order, limit=10 * MAX_JSON_BYTES)).model_dump())

    padding = b" " * MAX_JSON_BYTES
    async with serve(echo_large) as client:
        for commas, words in ((MOST_COMMAS, "count"), (MOST_COMMAS + 1, "so many values")):
            sent = b'{"count": [' + b",".join([b"1"] * (commas + 1)) + b"]" + padding + b"}"
            answer = await client.post("/", data=sent, headers={"Content-Type": "application/json"})
            problem = await answer.json()
            assert (answer.status, problem["code"]) == (400, "bad-request")
            assert words in problem["detail"]


async def test_a_body_that_comes_too_slowly_is_given_up(serve: Any) -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await read_bytes(request, 100, 0.05))

    async def slow() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.Event().wait()

    async with serve(read) as client:
        answer = await client.post("/", data=slow())
        problem = await answer.json()
    assert (answer.status, problem["code"], problem["timeout_s"]) == (408, "request-timeout", 0.05)


@pytest.mark.parametrize(
    ("query", "field"),
    [("size=1&size=2", "size"), ("size=0", "size"), ("size=x", "size"), ("size=1&more=2", "more"), ("", "size")],
)
async def test_a_query_is_checked_like_a_body_and_each_name_is_given_once(serve: Any, query: str, field: str) -> None:
    async with serve(echo_query) as client:
        answer = await client.get(f"/?{query}")
        assert (answer.status, (await answer.json())["field"]) == (400, field)
        assert await (await client.get("/?size=7")).json() == {"size": 7}


def test_an_answer_is_json_with_its_status_and_headers() -> None:
    for content in (Shown(name="é"), {"name": "é"}):
        answer = reply(content, 201, {"Location": "/v1/x"})
        assert (answer.status, answer.headers["Location"], answer.content_type) == (201, "/v1/x", "application/json")
        assert answer.text in {'{"name":"é"}', '{"name": "\\u00e9"}'}
