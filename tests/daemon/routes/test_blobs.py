"""A picture is sent under the hash of its bytes, read back by its sender alone, and its faces are found."""

import asyncio
import hashlib
import io
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import PIL.Image
import pytest

from mien_daemon import keys
from mien_daemon.http.body import PIECE_BYTES
from mien_testing.daemon import png

Daemon = Any
OpenDaemon = Any

GOOD = b"Host: 127.0.0.1:PORT\r\n"
AUTH = b"Authorization: Bearer TOKEN\r\n"


async def test_a_picture_comes_back_as_it_was_sent(daemon: Any, picture: bytes) -> None:
    name = await daemon.put(picture)
    answer = await daemon.ask("GET", f"/v1/blobs/{name}")
    assert (answer.status, answer.body) == (200, picture)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["ETag"] == f'"{name.removeprefix("sha256:")}"'


async def test_sending_a_picture_names_it_and_its_size(daemon: Any, picture: bytes) -> None:
    name = f"sha256:{hashlib.sha256(picture).hexdigest()}"
    answer = await daemon.ask("PUT", f"/v1/blobs/{name}", data=picture, headers={"Content-Type": "image/png"})
    assert (answer.status, answer.json) == (201, {"blob": name, "size": len(picture)})


@pytest.mark.parametrize("media_type", ["text/html", "application/json", "audio/mp4"])
async def test_what_is_sent_as_something_else_than_a_picture_is_refused(
    daemon: Any, picture: bytes, media_type: str
) -> None:
    name = f"sha256:{hashlib.sha256(picture).hexdigest()}"
    answer = await daemon.ask("PUT", f"/v1/blobs/{name}", data=picture, headers={"Content-Type": media_type})
    assert (answer.code, answer.json["field"]) == ("unsupported-media-type", "Content-Type")


@pytest.mark.parametrize("path", ["", "/faces", "/preview"])
async def test_another_clients_picture_is_unknown(daemon: Any, picture: bytes, path: str) -> None:
    name, token = await daemon.put(picture), await daemon.token("swap")
    assert (await daemon.ask("GET", f"/v1/blobs/{name}{path}", token=token)).code == "unknown-blob"


@pytest.mark.slow
async def test_the_worker_finds_the_faces_of_a_picture(daemon: Any, picture: bytes) -> None:
    answer = await daemon.ask("GET", f"/v1/blobs/{await daemon.put(picture)}/faces")
    assert answer.status == 200
    assert [face["index"] for face in answer.json["faces"]] == list(range(len(answer.json["faces"])))


@pytest.mark.parametrize("name", ["sha256:00", "md5:" + "0" * 64, "sha256:" + "G" * 64])
async def test_a_name_that_is_no_hash_is_refused(daemon: Any, picture: bytes, name: str) -> None:
    assert (await daemon.ask("PUT", f"/v1/blobs/{name}", data=picture)).code == "bad-request"


async def test_a_slow_body_is_answered_and_holds_up_nobody(open_daemon: OpenDaemon) -> None:
    async with open_daemon(body_timeout_s=0.2) as daemon:
        head = b"PUT /v1/blobs/sha256:" + b"0" * 64 + b" HTTP/1.1\r\n" + GOOD + AUTH
        slow = asyncio.create_task(daemon.raw(head + b"Content-Type: image/png\r\nContent-Length: 1000\r\n\r\nx"))
        assert (await daemon.ask("GET", "/v1/health")).status == 200
        answer = await slow
        assert (answer.status, answer.code) == (408, "request-timeout")
        assert list((daemon.state / "arriving").iterdir()) == []


async def test_chunks_beyond_the_limit_are_refused_in_mid_stream_and_nothing_stays(open_daemon: OpenDaemon) -> None:
    async with open_daemon(settings={"max_blob_bytes": 100_000}) as daemon:

        async def chunks() -> AsyncIterator[bytes]:
            """One piece, and no end: what the daemon had not read when it closes would reset the connection."""
            for _ in range(PIECE_BYTES // 0x10000):
                yield b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

        head = b"PUT /v1/blobs/sha256:" + b"0" * 64 + b" HTTP/1.1\r\n" + GOOD + AUTH
        answer = await daemon.raw(
            head + b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n", more=chunks()
        )
        assert (answer.status, answer.code, answer.json["limit_bytes"]) == (413, "image-too-large", 100_000)
        announced = await daemon.raw(head + b"Content-Type: image/png\r\nContent-Length: 100001\r\n\r\n")
        assert (announced.status, announced.code) == (413, "image-too-large")
        assert list((daemon.state / "arriving").iterdir()) == []


async def test_bytes_that_are_not_what_their_name_says_are_refused(daemon: Daemon) -> None:
    name = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
    answer = await daemon.ask("PUT", f"/v1/blobs/{name}", data=png())
    assert (answer.status, answer.code, answer.json["expected"]) == (422, "digest-mismatch", name)
    assert list((daemon.state / "arriving").iterdir()) == []


async def test_a_body_cut_short_leaves_nothing(daemon: Daemon) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    head = b"PUT /v1/blobs/sha256:" + b"0" * 64 + b" HTTP/1.1\r\n" + GOOD + AUTH
    head = head.replace(b"PORT", str(daemon.port).encode()).replace(b"TOKEN", b"mien_token-of-the-test")
    writer.write(head + b"Content-Type: image/png\r\nContent-Length: 1000\r\n\r\nhalf")
    await writer.drain()
    arriving = daemon.state / "arriving"
    await daemon.eventually(lambda: list(arriving.iterdir()))
    writer.close()
    await daemon.eventually(lambda: not list(arriving.iterdir()))
    assert await reader.read() == b""


def bomb() -> bytes:
    """30,000 × 30,000 black pixels of one bit, 109 kB of PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    side = 30_000
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animation() -> bytes:
    """160 megapixels in 40 frames, a few kilobytes of WebP: the same still over and over."""
    still = io.BytesIO()
    PIL.Image.new("RGB", (2000, 2000), (120, 90, 70)).save(still, "webp", lossless=True)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    size = (1999).to_bytes(3, "little") * 2
    frame = chunk(b"ANMF", bytes(6) + size + (10).to_bytes(3, "little") + b"\0" + still.getvalue()[12:])
    body = b"WEBP" + chunk(b"VP8X", b"\2\0\0\0" + size) + chunk(b"ANIM", bytes(6)) + frame * 40
    return b"RIFF" + struct.pack("<I", len(body)) + body


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'
WRONG = {
    "a bomb": (bomb, 422, "image-too-large"),
    "an animation": (animation, 422, "image-too-large"),
    "a drawing": (lambda: SVG, 415, "invalid-image"),
    "noise": (lambda: b"nothing that anybody could read", 415, "invalid-image"),
    "half a picture's head": (lambda: png()[:20], 415, "invalid-image"),
}


@pytest.mark.parametrize(("make", "status", "code"), WRONG.values(), ids=WRONG)
async def test_what_is_no_honest_picture_is_refused_when_the_job_is_posted(
    daemon: Daemon, make: Any, status: int, code: str
) -> None:
    good, wrong = await daemon.put(png()), await daemon.put(make(), headers={"Content-Type": "image/png"})
    # An animation is a clip, and no picture of a person.
    for field in ("target", "reference") if make is not animation else ("reference",):
        job = {"kind": "swap", "target": good, "reference": good, field: wrong}
        answer = await daemon.ask("POST", "/v1/jobs", job)
        assert (answer.status, answer.code, answer.json["field"]) == (status, code, field)
    assert daemon.app[keys.WORKERS].status().state == "stopped"
