"""A picture is sent whole, in one range, or not at all when the client has it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mien_api.errors import RangeNotSatisfiable
from mien_daemon.http import file_answer
from mien_daemon.http.file_answer import attach, is_known, parse_range, send_picture, wants_range

DATA = bytes(range(100))
DIGEST = "0f" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "picture"
    made.write_bytes(DATA)
    return made


@pytest.fixture
def answer(path: Path) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await send_picture(request, path, DIGEST, "image/jpeg", "name")

    return handle


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-", (90, 100)),
        ("bytes=99-200", (99, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-200", (0, 100)),
        ("bytes = 1 - 2", (1, 3)),
    ],
)
def test_one_range_is_cut_out(asked: str, part: tuple[int, int]) -> None:
    assert parse_range(asked, 100) == part


@pytest.mark.parametrize(
    "asked", ["bytes=100-", "bytes=5-4", "bytes=-0", "bytes=-", "bytes=0-1,3-4", "items=0-1", "bytes=a-b", ""]
)
def test_a_range_that_is_not_there_names_the_size(asked: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        parse_range(asked, 100)
    assert refused.value.fields == {"field": "Range", "size": 100}


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (f'"{DIGEST}"', True),
        (f'W/"{DIGEST}"', True),
        (f'"other", "{DIGEST}"', True),
        ("*", True),
        ('"other"', False),
        (DIGEST, False),
        ("", False),
    ],
)
def test_a_client_that_names_the_digest_has_the_bytes(header: str, known: bool) -> None:
    assert is_known(header, DIGEST) is known


@pytest.mark.parametrize(
    ("header", "wanted"), [(None, True), (f'"{DIGEST}"', True), ('"other"', False), (f'W/"{DIGEST}"', False)]
)
def test_a_range_is_sent_only_of_the_bytes_that_the_client_has_begun(header: str | None, wanted: bool) -> None:
    assert wants_range(header, DIGEST) is wanted


async def test_a_picture_is_sent_whole_and_may_not_be_kept_or_guessed_at(serve: Any, answer: Any) -> None:
    async with serve(answer) as client:
        sent = await client.get("/")
        assert (sent.status, await sent.read()) == (200, DATA)
    assert sent.headers["ETag"] == f'"{DIGEST}"'
    assert sent.headers["Content-Type"] == "image/jpeg"
    assert sent.headers["Content-Length"] == "100"
    assert sent.headers["Content-Disposition"] == 'attachment; filename="name.jpg"'
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    assert sent.headers["Cache-Control"] == "no-store"
    assert sent.headers["Accept-Ranges"] == "bytes"


async def test_a_range_says_which_it_is(serve: Any, answer: Any) -> None:
    async with serve(answer) as client:
        sent = await client.get("/", headers={"Range": "bytes=10-19"})
        assert (sent.status, await sent.read()) == (206, DATA[10:20])
        assert sent.headers["Content-Range"] == "bytes 10-19/100"
        other = await client.get("/", headers={"Range": "bytes=10-19", "If-Range": '"other"'})
        assert (other.status, await other.read()) == (200, DATA)
        assert "Content-Range" not in other.headers


async def test_known_bytes_are_not_sent(serve: Any, answer: Any) -> None:
    async with serve(answer) as client:
        sent = await client.get("/", headers={"If-None-Match": f'"{DIGEST}"'})
        assert (sent.status, await sent.read()) == (304, b"")


async def test_a_picture_larger_than_a_piece_is_sent_whole(
    serve: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_answer, "PIECE_BYTES", 7)
    async with serve(answer) as client:
        assert await (await client.get("/")).read() == DATA
        part = await client.get("/", headers={"Range": "bytes=3-30"})
        assert await part.read() == DATA[3:31]


@pytest.mark.parametrize(
    ("media_type", "ending"), [("image/png", "png"), ("image/webp", "webp"), ("image/tiff", "tif")]
)
async def test_the_name_ends_as_its_format_does(serve: Any, path: Path, media_type: str, ending: str) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await send_picture(request, path, DIGEST, media_type, "name")

    async with serve(handle) as client:
        sent = await client.get("/")
    assert sent.headers["Content-Disposition"].endswith(f'"name.{ending}"')


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Eileen - holiday.jpg", 'attachment; filename="Eileen - holiday.jpg"'),
        ("Zoë - Café.png", "attachment; filename=\"Zoe - Cafe.png\"; filename*=UTF-8''Zo%C3%AB%20-%20Caf%C3%A9.png"),
        ("エイリン.png", "attachment; filename=\".png\"; filename*=UTF-8''%E3%82%A8%E3%82%A4%E3%83%AA%E3%83%B3.png"),
        (
            'a"b\r\nX: 1%41.png',
            "attachment; filename=\"a_b__X_ 1_41.png\"; filename*=UTF-8''a%22b%0D%0AX%3A%201%2541.png",
        ),
        (
            "a／．．＼b.png",  # wide characters, of which the plain form is a path
            "attachment; filename=\"a_.._b.png\"; filename*=UTF-8''a%EF%BC%8F%EF%BC%8E%EF%BC%8E%EF%BC%BCb.png",
        ),
        ("a\ud800b.png", "attachment; filename=\"ab.png\"; filename*=UTF-8''a%3Fb.png"),
    ],
)
def test_a_name_is_said_to_old_clients_and_to_new_ones_and_ends_no_header(name: str, header: str) -> None:
    """RFC 6266, with RFC 8187 for what is not ASCII."""
    assert attach(name) == header


async def test_a_reader_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its open file and its connection are worth something to others."""

    class Stuck(web.StreamResponse):
        async def write(self, data: Any) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(file_answer, "STUCK_S", 0.01)
    with pytest.raises(ConnectionError):
        await file_answer.write(Stuck(), b"piece")
