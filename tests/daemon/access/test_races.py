"""Two changes of one client at once, in many orders: a revoked client stays out, and memory and disk agree."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mien_api.errors import PairingClosed, UnknownClient
from mien_daemon import keys
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.access.pairing import Pairing
from mien_testing.daemon import Reply
from mien_testing.interleaving import SEEDS, Interleaved
from mien_testing.pairing import ORIGIN, PORT, Browser, Clock


@pytest.fixture
def interleaved(tmp_path: Path) -> Iterator[Interleaved]:
    opened = Interleaved(tmp_path)
    yield opened
    opened.close()


async def on_disk(database: Interleaved) -> ClientRegistry:
    registry = ClientRegistry(database, "the local token")
    await registry.load()
    return registry


async def test_a_client_that_is_revoked_while_it_is_changed_stays_revoked(interleaved: Interleaved) -> None:
    clock = Clock()
    for seed in SEEDS:
        interleaved.be_seeded(seed)
        clients = ClientRegistry(interleaved, "the local token", clock, clock)
        client, token = await clients.create_token("script", ["swap"])
        session = clients.open_session(client.id)
        clients.touch(client)
        await asyncio.gather(
            clients.rename(client.id, "one"),
            clients.revoke(client.id),
            clients.rename(client.id, "two"),
            return_exceptions=True,
        )
        await clients.close()
        assert clients.list_all() == []
        assert (clients.authenticate(token), clients.authenticate(session)) == (None, None)
        assert (await on_disk(interleaved)).list_all() == []


async def test_a_client_that_is_revoked_twice_at_once_is_unknown_to_the_second(interleaved: Interleaved) -> None:
    for seed in SEEDS:
        interleaved.be_seeded(seed)
        clients = ClientRegistry(interleaved, "the local token")
        client, _ = await clients.create_token("script", ["swap"])
        answers = await asyncio.gather(clients.revoke(client.id), clients.revoke(client.id), return_exceptions=True)
        assert [type(answer) for answer in answers] == [type(None), UnknownClient]
        assert (await on_disk(interleaved)).list_all() == []


async def test_of_two_new_names_at_once_memory_and_disk_keep_the_same(interleaved: Interleaved) -> None:
    for seed in SEEDS:
        interleaved.be_seeded(seed)
        clients = ClientRegistry(interleaved, "the local token")
        client, _ = await clients.create_token("script", ["swap"])
        await asyncio.gather(clients.rename(client.id, "one"), clients.rename(client.id, "two"))
        assert clients.list_all() == (await on_disk(interleaved)).list_all()
        await clients.revoke(client.id)


async def test_a_visit_during_a_new_name_is_not_forgotten(interleaved: Interleaved) -> None:
    clock = Clock()
    for seed in SEEDS:
        interleaved.be_seeded(seed)
        clients = ClientRegistry(interleaved, "the local token", clock, clock)
        client, _ = await clients.create_token("script", ["swap"])
        renaming = asyncio.create_task(clients.rename(client.id, "new"))
        await asyncio.sleep(0)
        clients.touch(client)
        await renaming
        await clients.close()
        found = (clients.get(client.id), (await on_disk(interleaved)).get(client.id))
        assert [(each.name, each.last_seen) for each in found] == [("new", 1000.0)] * 2
        await clients.revoke(client.id)


async def test_a_caller_that_leaves_while_its_client_is_stored_leaves_no_half_of_it(interleaved: Interleaved) -> None:
    for seed in SEEDS:
        interleaved.be_seeded(seed)
        clients = ClientRegistry(interleaved, "the local token")
        creating = asyncio.create_task(clients.create_token("script", ["swap"]))
        for _ in range(seed % 4):
            await asyncio.sleep(0)
        creating.cancel()
        await asyncio.gather(creating, return_exceptions=True)
        await clients.close()
        assert clients.list_all() == (await on_disk(interleaved)).list_all()
        for client in clients.list_all():
            await clients.revoke(client.id)


async def test_a_pairing_that_is_cancelled_while_it_is_approved_leaves_no_client(interleaved: Interleaved) -> None:
    for seed in SEEDS:
        interleaved.be_seeded(seed)
        clients = ClientRegistry(interleaved, "the local token")
        pairing, browser = Pairing(clients, PORT), Browser()
        pairing.open()
        browser.begin(pairing)
        browser.reveal(pairing)
        answers = await asyncio.gather(
            pairing.approve(browser.pairing_id), pairing.cancel(browser.pairing_id), return_exceptions=True
        )
        assert isinstance(answers[0], PairingClosed)
        await clients.close()
        assert clients.list_all() == (await on_disk(interleaved)).list_all() == []


async def test_an_approval_whose_caller_leaves_is_finished(interleaved: Interleaved) -> None:
    for seed in SEEDS:
        interleaved.be_seeded(seed)
        clients = ClientRegistry(interleaved, "the local token")
        pairing, browser = Pairing(clients, PORT), Browser()
        pairing.open()
        browser.begin(pairing)
        browser.reveal(pairing)
        approving = asyncio.create_task(pairing.approve(browser.pairing_id))
        await asyncio.sleep(0)
        approving.cancel()
        await asyncio.gather(approving, return_exceptions=True)
        await pairing.finish_approvals()
        assert pairing.outcome(browser.pairing_id).state == "approved"
        (client,) = clients.list_all()
        assert client.origin == ORIGIN
        await clients.revoke(client.id)


# ── over HTTP ──


async def test_a_browser_that_is_renamed_and_revoked_at_once_is_out(daemon: Any) -> None:
    registry = daemon.app[keys.CLIENTS]
    for number in range(15):
        made = (await daemon.ask("POST", "/v1/tokens", {"name": "one", "scope": "swap"})).json
        path = f"/v1/clients/{made['id']}"
        await asyncio.gather(
            *(daemon.ask("PATCH", path, {"name": f"name {number} {each}"}) for each in range(3)),
            daemon.ask("DELETE", path),
            daemon.ask("GET", "/v1/jobs", token=made["token"]),
        )
        assert (await daemon.ask("GET", "/v1/jobs", token=made["token"])).status == 401
        assert (await daemon.ask("GET", "/v1/clients")).json == {"clients": []}
    again = ClientRegistry(daemon.app[keys.DATABASE], "another")
    await again.load()
    assert (registry.list_all(), again.list_all()) == ([], [])


async def test_a_body_that_was_on_its_way_when_its_client_was_revoked_is_refused(daemon: Any) -> None:
    for method, path, kind, size in (
        ("POST", "/v1/jobs", "application/json", 40),
        ("PUT", "/v1/blobs/sha256:" + "0" * 64, "image/png", 40),
    ):
        token = await daemon.token("swap")
        (client,) = daemon.app[keys.CLIENTS].list_all()

        async def rest(revoked: str = client.id, count: int = size) -> Any:
            await daemon.app[keys.CLIENTS].revoke(revoked)
            yield b" " * (count - 1)

        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAuthorization: Bearer {token}\r\n"
        head += f"Content-Type: {kind}\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
        # The daemon asks for the body once the guard has let the request in; then the client is revoked.
        answer = await revoked_between(daemon, head.encode(), rest())
        assert (answer.status, answer.code) == (401, "unpaired")


async def revoked_between(daemon: Any, head: bytes, rest: Any) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.port)
    try:
        writer.write(head.replace(b"PORT", str(daemon.port).encode()))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b" ")
        async for piece in rest:
            writer.write(piece)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in answer if line.lower().startswith("content-length"))
        return Reply(int(answer[0].split()[1]), {}, await reader.readexactly(length))
    finally:
        writer.close()
