"""Pairing promises: nobody comes in but through a window a person opened, and only with the digits she compared."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mien_api.errors import PairingClosed, TooManyRequests, Unpaired
from mien_core.errors import BadRequest
from mien_daemon import keys
from mien_daemon.access import handshake
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.access.pairing import COLLECT_S, WINDOW_S, Pairing
from mien_daemon.access.sessions import ANSWER_S, HALF_OPEN, Sessions
from mien_daemon.state.database import Database

PORT = 6436
NAME = "Chromium on Linux"
ORIGIN = "chrome-extension://abcdefghijklmnop"
REAL_ORIGIN = "chrome-extension://" + "abcdefghijklmnop" * 2
VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "extension/vectors.json").read_text(encoding="utf-8")
)["cases"]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Browser:
    """The extension's side of the handshake, in Python."""

    port: int = PORT
    name: str = NAME
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=handshake.new_key_pair)
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(handshake.NONCE_BYTES))
    pairing_id: str = ""
    transcript: bytes = b""
    key: bytes = b""

    @property
    def point(self) -> bytes:
        return handshake.public_point(self.private_key)

    def begin(self, pairing: Pairing) -> None:
        offer = pairing.begin(self.name, ORIGIN, handshake.commitment(self.point, self.nonce))
        self.pairing_id = offer.pairing_id
        self.hear(offer.daemon_point, offer.daemon_nonce)

    def hear(self, daemon_point: bytes, daemon_nonce: bytes) -> None:
        self.transcript = handshake.transcript(self.name, self.port, self.point, self.nonce, daemon_point, daemon_nonce)
        self.key = handshake.pairing_key(handshake.shared_secret(self.private_key, daemon_point), self.transcript)

    def reveal(self, pairing: Pairing) -> None:
        pairing.reveal(self.pairing_id, self.point, self.nonce)

    @property
    def digits(self) -> str:
        return handshake.digits(self.transcript)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[ClientRegistry]:
    database = Database(tmp_path)
    yield ClientRegistry(database, "the local token")
    database.close()


@pytest.fixture
def pairing(clients: ClientRegistry, clock: Clock) -> Pairing:
    return Pairing(clients, PORT, clock)


@pytest.fixture
def sessions(clients: ClientRegistry, clock: Clock) -> Sessions:
    return Sessions(clients, PORT, clock)


async def paired(pairing: Pairing) -> tuple[Browser, str]:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    browser.reveal(pairing)
    return browser, (await pairing.approve(browser.pairing_id)).id


def bearer(sessions: Sessions, client_id: str, key: bytes, port: int = PORT) -> str:
    nonce = secrets.token_bytes(32)
    challenge = sessions.challenge(client_id, nonce)
    proof = handshake.client_proof(key, client_id, port, nonce, challenge.daemon_nonce)
    return sessions.answer(challenge.session_id, proof)[1]


# ── the arithmetic ──


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_daemon_arrives_at_the_same_values_as_the_extension(vector: dict[str, Any]) -> None:
    def data(text: str, size: int = 32) -> bytes:
        return handshake.from_text(text, size)

    client, daemon, session = vector["client"], vector["daemon"], vector["session"]
    private_key = ec.derive_private_key(int.from_bytes(data(daemon["scalar"]), "big"), ec.SECP256R1())
    points = data(client["point"], 65), data(daemon["point"], 65)
    nonces = data(client["nonce"]), data(daemon["nonce"])
    assert handshake.public_point(private_key) == points[1]
    assert handshake.to_text(handshake.commitment(points[0], nonces[0])) == vector["commitment"]
    secret = handshake.shared_secret(private_key, points[0])
    assert handshake.to_text(secret) == vector["secret"]
    transcript = handshake.transcript(vector["name"], vector["port"], points[0], nonces[0], points[1], nonces[1])
    assert handshake.to_text(transcript) == vector["transcript"]
    assert handshake.digits(transcript) == vector["digits"]
    key = handshake.pairing_key(secret, transcript)
    assert handshake.to_text(key) == vector["key"]
    client_id = vector["client_id"]
    assert handshake.to_text(handshake.confirmation(key, transcript, client_id)) == vector["confirmation"]
    spoken = client_id, vector["port"], data(session["client_nonce"]), data(session["daemon_nonce"])
    assert handshake.to_text(handshake.daemon_proof(key, *spoken)) == session["daemon_proof"]
    assert handshake.to_text(handshake.client_proof(key, *spoken)) == session["client_proof"]


@pytest.mark.parametrize("text", ["", "AA", "A" * 43 + "é", "*" * 43, "A" * 44, "A" * 42])
def test_only_whole_base64url_of_the_right_length_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|bytes expected"):
        handshake.from_text(text, 32)


# ── the window ──


def test_pairing_is_refused_while_no_window_is_open(pairing: Pairing) -> None:
    with pytest.raises(PairingClosed):
        Browser().begin(pairing)


async def test_both_sides_show_the_same_digits_and_hold_the_same_key(pairing: Pairing, clients: ClientRegistry) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    assert pairing.window().digits is None, "nothing to compare before the client has kept its word"
    browser.reveal(pairing)
    window = pairing.window()
    assert (window.digits, window.name, window.origin) == (browser.digits, NAME, ORIGIN)
    assert clients.list_all() == [], "nobody is in before a person says so"
    client_id = (await pairing.approve(browser.pairing_id)).id
    outcome = pairing.outcome(browser.pairing_id)
    (client,) = clients.list_all()
    assert (client.id, client.pairing_key, client.origin) == (client_id, browser.key, ORIGIN)
    assert client.scopes == {"swap"}, "no browser gets more than it needs"
    assert outcome.confirmation == handshake.confirmation(browser.key, browser.transcript, client_id)


def test_a_key_swapped_on_the_way_shows_other_digits(pairing: Pairing) -> None:
    """A man in the middle plays daemon to the browser and browser to the daemon."""
    browser, middle = Browser(), Browser()
    pairing.open()
    middle.begin(pairing)
    browser.hear(middle.point, middle.nonce)
    middle.reveal(pairing)
    assert pairing.window().digits != browser.digits


def test_a_relay_on_another_port_shows_other_digits(pairing: Pairing) -> None:
    browser = Browser(port=PORT + 1)
    pairing.open()
    browser.begin(pairing)
    browser.reveal(pairing)
    assert pairing.window().digits != browser.digits


def test_a_client_cannot_reveal_another_key_than_it_committed_to(pairing: Pairing) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    with pytest.raises(BadRequest) as refused:
        pairing.reveal(browser.pairing_id, Browser().point, browser.nonce)
    assert refused.value.fields == {"field": "public_key"}
    with pytest.raises(PairingClosed):
        browser.reveal(pairing)


def test_a_point_off_the_curve_ends_the_pairing(pairing: Pairing) -> None:
    point, nonce = b"\x04" + b"\x01" * 64, b"\x02" * 32
    pairing.open()
    offer = pairing.begin(NAME, ORIGIN, handshake.commitment(point, nonce))
    with pytest.raises(BadRequest):
        pairing.reveal(offer.pairing_id, point, nonce)
    assert pairing.window().pairing_id is None


async def test_the_window_shuts_after_two_minutes_and_takes_the_pending_browser_with_it(
    pairing: Pairing, clock: Clock, clients: ClientRegistry
) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    browser.reveal(pairing)
    clock.now += WINDOW_S
    assert not pairing.window().is_open
    with pytest.raises(PairingClosed):
        await pairing.approve(browser.pairing_id)
    for late in (pairing.outcome, pairing.refuse):
        with pytest.raises(PairingClosed):
            late(browser.pairing_id)
    with pytest.raises(PairingClosed):
        await pairing.cancel(browser.pairing_id)
    assert clients.list_all() == []


async def test_an_approval_is_taken_back_when_the_browsers_person_says_that_the_digits_differ(
    pairing: Pairing, clients: ClientRegistry
) -> None:
    browser, _ = await paired(pairing)
    await pairing.cancel(browser.pairing_id)
    assert clients.list_all() == []
    with pytest.raises(PairingClosed):
        pairing.outcome(browser.pairing_id)


async def test_a_browser_that_leaves_while_its_approval_is_written_down_is_not_let_in(
    pairing: Pairing, clients: ClientRegistry
) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    browser.reveal(pairing)
    approving = asyncio.create_task(pairing.approve(browser.pairing_id))
    await asyncio.sleep(0)
    await pairing.cancel(browser.pairing_id)
    with pytest.raises(PairingClosed):
        await approving
    assert clients.list_all() == []


async def test_a_second_browser_waits_until_the_first_is_through(pairing: Pairing) -> None:
    first = Browser()
    pairing.open()
    first.begin(pairing)
    with pytest.raises(TooManyRequests) as refused:
        Browser().begin(pairing)
    assert refused.value.fields == {"retry_after_s": WINDOW_S}
    await pairing.cancel(first.pairing_id)
    Browser().begin(pairing)


def test_three_tries_a_minute_and_no_more_however_often_the_window_is_opened(pairing: Pairing, clock: Clock) -> None:
    for _ in range(3):
        pairing.open()
        Browser().begin(pairing)
    pairing.open()
    with pytest.raises(TooManyRequests) as refused:
        Browser().begin(pairing)
    assert refused.value.fields == {"retry_after_s": 61}
    clock.now += 61
    pairing.open()
    Browser().begin(pairing)


async def test_a_refused_browser_is_told_so_and_another_may_try(pairing: Pairing, clients: ClientRegistry) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    browser.reveal(pairing)
    pairing.refuse(browser.pairing_id)
    assert pairing.outcome(browser.pairing_id).state == "refused"
    with pytest.raises(PairingClosed):
        await pairing.approve(browser.pairing_id)
    Browser().begin(pairing)
    assert clients.list_all() == []


async def test_an_approval_waits_to_be_fetched_and_lets_nobody_else_in(pairing: Pairing, clock: Clock) -> None:
    browser, client_id = await paired(pairing)
    with pytest.raises(PairingClosed):
        Browser().begin(pairing)
    clock.now += COLLECT_S - 1
    assert pairing.outcome(browser.pairing_id).client_id == client_id
    clock.now += 1
    with pytest.raises(PairingClosed):
        pairing.outcome(browser.pairing_id)


async def test_nobody_is_approved_before_the_digits_were_there_to_compare(
    pairing: Pairing, clients: ClientRegistry
) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    with pytest.raises(PairingClosed):
        await pairing.approve(browser.pairing_id)
    assert clients.list_all() == []


@pytest.mark.parametrize("name", ["", "x" * 61, "a\x1b[2J", "two\nlines", "Chromium\u202e"])
def test_a_name_that_could_trick_a_terminal_is_refused(pairing: Pairing, name: str) -> None:
    pairing.open()
    with pytest.raises(BadRequest) as refused:
        Browser(name=name).begin(pairing)
    assert refused.value.fields == {"field": "name"}


async def test_whoever_waits_hears_of_every_change(pairing: Pairing) -> None:
    pairing.open()
    waiting = asyncio.create_task(pairing.wait_for_change(60))
    await asyncio.sleep(0)
    Browser().begin(pairing)
    await asyncio.wait_for(waiting, 5)
    await pairing.wait_for_change(0.01)


# ── sessions ──


async def test_the_daemon_proves_itself_to_a_client_that_has_said_nothing_secret(
    pairing: Pairing, sessions: Sessions
) -> None:
    browser, client_id = await paired(pairing)
    nonce = secrets.token_bytes(32)
    challenge = sessions.challenge(client_id, nonce)
    expected = handshake.daemon_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
    assert challenge.proof == expected
    assert challenge.proof != handshake.daemon_proof(browser.key, client_id, PORT + 1, nonce, challenge.daemon_nonce)


async def test_a_proven_client_gets_a_bearer_that_stands_for_it_and_may_only_swap(
    pairing: Pairing, sessions: Sessions, clients: ClientRegistry
) -> None:
    browser, client_id = await paired(pairing)
    client = clients.authenticate(bearer(sessions, client_id, browser.key))
    assert client is not None
    assert client.id == client_id
    assert client.scopes == frozenset({"swap"})


@pytest.mark.parametrize("wrong", ["key", "port", "reflected"])
async def test_a_wrong_proof_gets_nothing_and_burns_the_challenge(
    pairing: Pairing, sessions: Sessions, wrong: str
) -> None:
    browser, client_id = await paired(pairing)
    nonce = secrets.token_bytes(32)
    challenge = sessions.challenge(client_id, nonce)
    spoken = nonce, challenge.daemon_nonce
    proofs = {
        "key": handshake.client_proof(bytes(32), client_id, PORT, *spoken),
        "port": handshake.client_proof(browser.key, client_id, PORT + 1, *spoken),
        "reflected": challenge.proof,
    }
    for proof in (proofs[wrong], handshake.client_proof(browser.key, client_id, PORT, *spoken)):
        with pytest.raises(Unpaired):
            sessions.answer(challenge.session_id, proof)


async def test_a_challenge_is_answered_in_time_or_not_at_all(
    pairing: Pairing, sessions: Sessions, clock: Clock
) -> None:
    browser, client_id = await paired(pairing)
    nonce = secrets.token_bytes(32)
    challenge = sessions.challenge(client_id, nonce)
    clock.now += ANSWER_S
    proof = handshake.client_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
    with pytest.raises(Unpaired):
        sessions.answer(challenge.session_id, proof)


async def test_a_revoked_client_is_out_at_once(pairing: Pairing, sessions: Sessions, clients: ClientRegistry) -> None:
    browser, client_id = await paired(pairing)
    token = bearer(sessions, client_id, browser.key)
    nonce = secrets.token_bytes(32)
    half_open = sessions.challenge(client_id, nonce)
    await clients.revoke(client_id)
    assert clients.authenticate(token) is None
    proof = handshake.client_proof(browser.key, client_id, PORT, nonce, half_open.daemon_nonce)
    with pytest.raises(Unpaired):
        sessions.answer(half_open.session_id, proof)
    with pytest.raises(Unpaired):
        sessions.challenge(client_id, nonce)


async def test_a_script_with_a_token_cannot_pose_as_a_browser(sessions: Sessions, clients: ClientRegistry) -> None:
    script, _ = await clients.create_token("script", ["swap"])
    with pytest.raises(Unpaired):
        sessions.challenge(script.id, secrets.token_bytes(32))


async def test_memory_is_bounded_however_many_challenges_are_asked_for(
    pairing: Pairing, sessions: Sessions, clients: ClientRegistry
) -> None:
    browser, client_id = await paired(pairing)
    nonce = secrets.token_bytes(32)
    challenges = [sessions.challenge(client_id, nonce) for _ in range(HALF_OPEN + 1)]
    first, second = (
        handshake.client_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
        for challenge in challenges[:2]
    )
    with pytest.raises(Unpaired):
        sessions.answer(challenges[0].session_id, first)
    assert clients.authenticate(sessions.answer(challenges[1].session_id, second)[1]) is not None


# ── over HTTP ──


class PairingClient:
    """A browser at a real daemon."""

    def __init__(self, daemon: Any, origin: str | None = REAL_ORIGIN) -> None:
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

    async def bearer(self, client: str) -> str:
        nonce = secrets.token_bytes(32)
        begun = await self.post("/v1/pair/sessions", {"client": client, "nonce": handshake.to_text(nonce)})
        spoken = client, self.daemon.port, nonce, handshake.from_text(begun.json["nonce"], 32)
        assert handshake.from_text(begun.json["proof"], 32) == handshake.daemon_proof(self.browser.key, *spoken)
        proof = handshake.to_text(handshake.client_proof(self.browser.key, *spoken))
        answer = await self.post(f"/v1/pair/sessions/{begun.json['id']}", {"proof": proof})
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
    ours = {"Origin": REAL_ORIGIN}
    assert (await daemon.ask("GET", "/v1/health", token=token, headers=ours)).status == 200
    foreign = {"Origin": REAL_ORIGIN.replace("a", "b")}
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
    ours = {"Origin": REAL_ORIGIN}
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
    assert (shown["digits"], shown["name"], shown["origin"]) == (browser_client.browser.digits, NAME, REAL_ORIGIN)
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
