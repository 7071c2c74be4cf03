"""Pairing over HTTP: an extension pairs in an open window, proves itself, and gets a bearer bound to its origin."""

import asyncio
import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_daemon import keys
from mien_daemon.access import handshake
from mien_daemon.access.clients import LOCAL
from mien_daemon.state.database import Database
from mien_testing.pairing import NAME, ORIGIN, Browser, PageKey


class PairingClient:
    """A browser at a real daemon."""

    def __init__(self, daemon: Any, origin: str | None = ORIGIN) -> None:
        self.daemon = daemon
        self.browser = Browser(port=daemon.port)
        self.headers = {"Origin": origin} if origin else {}

    async def post(self, path: str, words: object, token: str | None = None) -> Any:
        return await self.daemon.ask("POST", path, words, token=token, headers=self.headers)

    async def begin(self) -> Any:
        commitment = handshake.commitment(self.browser.point, self.browser.nonce)
        answer = await self.post("/v1/pair", {"name": NAME, "commitment": handshake.to_text(commitment)})
        if answer.status == 201:
            self.browser.pairing_id = answer.json["id"]
            self.browser.hear(
                handshake.from_text(answer.json["public_key"], 65), handshake.from_text(answer.json["nonce"], 32)
            )
        return answer

    async def step(self, step: str, **words: str) -> Any:
        return await self.post(f"/v1/pair/{self.browser.pairing_id}", {"step": step, **words})

    async def reveal(self) -> Any:
        point, nonce = handshake.to_text(self.browser.point), handshake.to_text(self.browser.nonce)
        return await self.step("reveal", public_key=point, nonce=nonce)

    async def paired(self) -> str:
        await self.daemon.ask("POST", "/v1/pair/window")
        await self.begin()
        await self.reveal()
        answer = await self.daemon.ask("POST", f"/v1/pair/{self.browser.pairing_id}/approve")
        return str(answer.json["client"])

    async def console_code(self, client: str) -> Any:
        return await self._prove(client, handshake.opener_proof, "/console")

    async def _prove(self, client: str, prove: Callable[[bytes, str, int, bytes, bytes], bytes], path: str = "") -> Any:
        nonce = secrets.token_bytes(32)
        begun = await self.post("/v1/pair/sessions", {"client": client, "nonce": handshake.to_text(nonce)})
        spoken = client, self.daemon.port, nonce, handshake.from_text(begun.json["nonce"], 32)
        assert handshake.from_text(begun.json["proof"], 32) == handshake.daemon_proof(self.browser.key, *spoken)
        proof = handshake.to_text(prove(self.browser.key, *spoken))
        return await self.post(f"/v1/pair/sessions/{begun.json['id']}{path}", {"proof": proof})

    async def bearer(self, client: str) -> str:
        answer = await self._prove(client, handshake.client_proof)
        assert answer.json["expires_in_s"] == 900
        return str(answer.json["token"])


async def test_outside_the_window_pairing_is_forbidden(daemon: Any) -> None:
    answer = await PairingClient(daemon).begin()
    assert (answer.status, answer.code) == (403, "pairing-closed")


@pytest.mark.parametrize("origin", [None, "https://evil.test", "null", "http://127.0.0.1:6436"])
async def test_only_an_extension_is_paired(daemon: Any, origin: str | None) -> None:
    await daemon.ask("POST", "/v1/pair/window")
    answer = await PairingClient(daemon, origin).begin()
    assert (answer.status, answer.code) == (403, "foreign-origin")


async def test_a_second_browser_and_a_fourth_try_are_told_when_to_come_back(daemon: Any) -> None:
    await daemon.ask("POST", "/v1/pair/window")
    assert (await PairingClient(daemon).begin()).status == 201
    answer = await PairingClient(daemon).begin()
    assert (answer.status, answer.code, int(answer.headers["Retry-After"]) > 0) == (429, "too-many-requests", True)
    for _ in range(2):
        await daemon.ask("POST", "/v1/pair/window")
        assert (await PairingClient(daemon).begin()).status == 201
    await daemon.ask("POST", "/v1/pair/window")
    assert (await PairingClient(daemon).begin()).status == 429


async def test_only_the_person_opens_the_window_and_approves(daemon: Any) -> None:
    """Not even an administrator's token; and nobody at all without one."""
    browser_client = PairingClient(daemon)
    tokens = {await daemon.token("admin"): "wrong-scope", await daemon.token("swap"): "wrong-scope", None: "unpaired"}
    await daemon.ask("POST", "/v1/pair/window")
    await browser_client.begin()
    await browser_client.reveal()
    paths = [
        "/v1/pair/window",
        f"/v1/pair/{browser_client.browser.pairing_id}/approve",
        f"/v1/pair/{browser_client.browser.pairing_id}/refuse",
    ]
    for token, code in tokens.items():
        for path in paths:
            assert (await daemon.ask("POST", path, token=token)).code == code
    clients = (await daemon.ask("GET", "/v1/clients")).json["clients"]
    assert [client for client in clients if client["origin"]] == []


async def test_a_paired_browser_gets_a_bearer_bound_to_its_origin_and_loses_it_with_its_pairing(daemon: Any) -> None:
    browser_client = PairingClient(daemon)
    client = await browser_client.paired()
    token = await browser_client.bearer(client)
    ours = {"Origin": ORIGIN}
    assert (await daemon.ask("GET", "/v1/health", token=token, headers=ours)).status == 200
    foreign = {"Origin": ORIGIN.replace("a", "b")}
    assert (await daemon.ask("GET", "/v1/health", token=token, headers=foreign)).code == "foreign-origin"
    for path in ("/v1/clients", "/v1/settings"):
        assert (await daemon.ask("GET", path, token=token, headers=ours)).code == "wrong-scope"
    assert (await daemon.ask("DELETE", f"/v1/clients/{client}")).status == 204
    assert (await daemon.ask("GET", "/v1/health", token=token, headers=ours)).code == "unpaired"
    words = {"client": client, "nonce": handshake.to_text(bytes(32))}
    assert (await browser_client.post("/v1/pair/sessions", words)).code == "unpaired"


async def test_a_browser_may_take_its_own_pairing_back_and_nobody_elses(daemon: Any) -> None:
    browser_client = PairingClient(daemon)
    client = await browser_client.paired()
    other = (await daemon.ask("POST", "/v1/tokens", {"name": "other", "scope": "swap"})).json["id"]
    token = await browser_client.bearer(client)
    ours = {"Origin": ORIGIN}
    answer = await daemon.ask("DELETE", f"/v1/clients/{other}", token=token, headers=ours)
    assert (answer.status, answer.code) == (403, "wrong-scope")
    assert (await daemon.ask("DELETE", f"/v1/clients/{client}", token=token, headers=ours)).status == 204
    assert (await daemon.ask("GET", "/v1/health", token=token, headers=ours)).code == "unpaired"
    assert [known["id"] for known in (await daemon.ask("GET", "/v1/clients")).json["clients"]] == [other]


async def test_a_pairing_outlives_the_daemon_and_its_bearers_do_not(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "kept"
    async with open_daemon(state) as daemon:
        browser_client = PairingClient(daemon)
        client = await browser_client.paired()
        token = await browser_client.bearer(client)
    async with open_daemon(state) as again:
        assert (await again.ask("GET", "/v1/health", token=token)).code == "unpaired"
        browser_client.daemon = again
        assert (await again.ask("GET", "/v1/health", token=await browser_client.bearer(client))).status == 200


async def test_the_browser_hears_of_the_decision_as_it_is_made(daemon: Any) -> None:
    browser_client = PairingClient(daemon)
    await daemon.ask("POST", "/v1/pair/window")
    await browser_client.begin()
    assert (await browser_client.reveal()).json == {"state": "shown", "client": None, "confirmation": None}
    waiting = asyncio.create_task(browser_client.step("wait"))
    shown = (await daemon.ask("GET", "/v1/pair/window")).json
    assert (shown["digits"], shown["name"], shown["origin"]) == (browser_client.browser.digits, NAME, ORIGIN)
    await daemon.ask("POST", f"/v1/pair/{browser_client.browser.pairing_id}/refuse")
    assert (await waiting).json["state"] == "refused"


async def test_whoever_watches_the_window_misses_nothing_between_two_looks(daemon: Any) -> None:
    opened = (await daemon.ask("POST", "/v1/pair/window")).json
    await PairingClient(daemon).begin()
    seen = await daemon.ask("GET", f"/v1/pair/window?wait=20&seen={opened['revision']}")
    assert seen.json["state"] == "begun"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"name": NAME}, "commitment"),
        ({"name": NAME, "commitment": "AA"}, "commitment"),
        ({"name": NAME, "commitment": 7}, "commitment"),
        ({"name": "two\nlines", "commitment": "A" * 43}, "name"),
        ({"name": NAME, "commitment": "A" * 43, "more": 1}, "more"),
    ],
)
async def test_a_malformed_beginning_names_what_is_wrong(daemon: Any, words: object, field: str) -> None:
    await daemon.ask("POST", "/v1/pair/window")
    answer = await PairingClient(daemon).post("/v1/pair", words)
    assert (answer.status, answer.code, answer.json["field"]) == (400, "bad-request", field)


async def test_what_is_told_to_everybody_who_listens_holds_no_digits(daemon: Any) -> None:
    browser_client = PairingClient(daemon)
    await browser_client.paired()
    events = [event for event in daemon.app[keys.EVENTS].since(0) or [] if event.kind == "pairing"]
    assert [event.data["state"] for event in events] == [None, "begun", "shown", "approved"]
    assert browser_client.browser.digits not in json.dumps([dict(event.data) for event in events])


async def test_an_extension_asks_for_the_window_and_is_told_whether_anybody_will_see_the_digits(daemon: Any) -> None:
    browser_client = PairingClient(daemon)
    asked = await browser_client.post("/v1/pair/ask", None)
    assert (asked.status, asked.json["watched"]) == (201, False)
    told = daemon.app[keys.EVENTS].last
    with daemon.app[keys.SHARES].streams.hold(LOCAL):  # as the tray does
        assert (await browser_client.post("/v1/pair/ask", None)).json["watched"]
    assert daemon.app[keys.EVENTS].last == told, "who asks again is no news"
    assert (await browser_client.begin()).status == 201
    page = PairingClient(daemon, "https://evil.test")
    assert (await page.post("/v1/pair/ask", None)).code == "foreign-origin"
    assert (await PairingClient(daemon, None).post("/v1/pair/ask", None)).code == "foreign-origin"


async def test_a_paired_browser_opens_the_console_as_the_person_until_that_is_taken_back(daemon: Any) -> None:
    browser_client = PairingClient(daemon)
    client = await browser_client.paired()
    answer = await browser_client.console_code(client)
    assert answer.json["url"].endswith(f"/#code={answer.json['code']}")
    key = {"public_key": base64.b64encode(PageKey().point).decode(), "name": "Firefox"}
    session = await daemon.ask("POST", "/v1/session", {"code": answer.json["code"], "key": key}, token=None)
    assert "local" in session.json["scopes"]
    assert len(daemon.app[keys.CONSOLE_SESSIONS].list_all()) == 1
    admin = await daemon.token("admin")
    path = f"/v1/clients/{client}"
    assert (await daemon.ask("PATCH", path, {"console": False}, token=admin)).json["scopes"] == ["faces", "swap"]
    assert (await daemon.ask("GET", "/v1/jobs", token=session.json["token"])).code == "unpaired"
    assert (await browser_client.console_code(client)).code == "wrong-scope"
    widened = await daemon.ask("PATCH", path, {"console": True}, token=admin)
    assert (widened.code, widened.json["needs"]) == ("wrong-scope", "local")
    assert (await daemon.ask("PATCH", path, {"console": True})).json["scopes"] == ["console", "faces", "swap"]
    assert daemon.app[keys.CONSOLE_SESSIONS].list_all() == [], "a page that was signed out stays signed out"
    code = (await browser_client.console_code(client)).json["code"]
    await daemon.ask("POST", "/v1/session", {"code": code, "key": key}, token=None)
    assert len(await _kept_keys(daemon)) == 1
    assert (await daemon.ask("DELETE", path)).status == 204
    assert await _kept_keys(daemon) == []


async def _kept_keys(daemon: Any) -> list[Any]:
    database: Database = daemon.app[keys.DATABASE]
    return await database.read(lambda db: db.execute("SELECT id FROM console_keys").fetchall())
