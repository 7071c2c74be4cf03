"""A client's share of streams, waits and uploads is its own: it is told when it is full, and others are not."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from mien_daemon import keys
from mien_daemon.access.shares import Share
from mien_testing.daemon import name_of, png


@pytest.fixture
async def small(daemon: Any) -> Any:
    """A daemon in which each client has one of everything."""
    shares = daemon.app[keys.SHARES]
    for name in ("streams", "waits", "uploads"):
        setattr(shares, name, Share(name, 1, retry_after_s=3))
    return daemon


def check_refusal(answer: Any, share: str) -> None:
    assert (answer.status, answer.code, answer.json["share"]) == (429, "too-many-requests", share)
    assert answer.headers["Retry-After"] == "3"


async def test_a_second_event_stream_of_a_client_is_refused_and_anothers_is_not(small: Any) -> None:
    token = await small.token("swap")
    request = "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", small.port)
    try:
        writer.write(request.format(port=small.port, token=token).encode())
        assert (await reader.readline()).split()[1] == b"200"
        check_refusal(await small.ask("GET", "/v1/events", token=token), "streams")
        other = await asyncio.open_connection("127.0.0.1", small.port)
        other[1].write(request.format(port=small.port, token=await small.token("swap", "another")).encode())
        assert (await other[0].readline()).split()[1] == b"200"
        other[1].close()
    finally:
        writer.close()


async def test_a_second_wait_of_a_client_is_refused_and_a_look_is_not(small: Any) -> None:
    token = await small.token("swap")
    await small.ask("POST", "/v1/queue/pause")
    name = await small.put(png(), token=token)
    body = {"kind": "swap", "target": name, "reference": name}
    path = f"/v1/jobs/{(await small.ask('POST', '/v1/jobs', body, token=token)).json['id']}"
    waiting = asyncio.create_task(small.ask("GET", f"{path}?wait=20", token=token))
    await small.eventually(lambda: small.app[keys.SHARES].waits._held)
    check_refusal(await small.ask("GET", f"{path}?wait=20", token=token), "waits")
    assert (await small.ask("GET", path, token=token)).status == 200
    await small.ask("POST", f"{path}/cancel", token=token)
    assert (await waiting).json["state"] == "cancelled"


async def test_a_second_upload_of_a_client_at_a_time_is_refused(small: Any) -> None:
    token, go = await small.token("swap"), asyncio.Event()

    async def slow() -> AsyncGenerator[bytes]:
        yield png()[:10]
        await go.wait()
        yield png()[10:]

    sending = asyncio.create_task(small.ask("PUT", f"/v1/blobs/{name_of(png())}", data=slow(), token=token))
    await small.eventually(lambda: small.app[keys.SHARES].uploads._held)
    check_refusal(await small.ask("PUT", f"/v1/blobs/{name_of(png(9))}", data=png(9), token=token), "uploads")
    go.set()
    assert (await sending).status == 201
