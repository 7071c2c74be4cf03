"""The daemon proves itself first; a browser that answers rightly, in time and once gets a bearer token."""

import secrets
from collections.abc import Callable

import pytest

from mien_api.errors import Unpaired, WrongScope
from mien_daemon.access import handshake
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.access.pairing import Pairing
from mien_daemon.access.sessions import ANSWER_S, HALF_OPEN, Sessions
from mien_testing.pairing import PORT, Clock, open_session, pair


async def test_the_daemon_proves_itself_to_a_client_that_has_said_nothing_secret(
    pairing: Pairing, sessions: Sessions
) -> None:
    browser, client_id = await pair(pairing)
    nonce = secrets.token_bytes(32)
    challenge = sessions.challenge(client_id, nonce)
    expected = handshake.daemon_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
    assert challenge.proof == expected
    assert challenge.proof != handshake.daemon_proof(browser.key, client_id, PORT + 1, nonce, challenge.daemon_nonce)


async def test_a_proven_client_gets_a_bearer_that_stands_for_it_and_may_only_swap(
    pairing: Pairing, sessions: Sessions, clients: ClientRegistry
) -> None:
    browser, client_id = await pair(pairing)
    client = clients.authenticate(open_session(sessions, client_id, browser.key))
    assert client is not None
    assert client.id == client_id
    assert (client.may("swap"), client.may("models"), client.may("admin")) == (True, False, False)


@pytest.mark.parametrize("wrong", ["key", "port", "reflected"])
async def test_a_wrong_proof_gets_nothing_and_burns_the_challenge(
    pairing: Pairing, sessions: Sessions, wrong: str
) -> None:
    browser, client_id = await pair(pairing)
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
    browser, client_id = await pair(pairing)
    nonce = secrets.token_bytes(32)
    challenge = sessions.challenge(client_id, nonce)
    clock.now += ANSWER_S
    proof = handshake.client_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
    with pytest.raises(Unpaired):
        sessions.answer(challenge.session_id, proof)


async def test_a_revoked_client_is_out_at_once(pairing: Pairing, sessions: Sessions, clients: ClientRegistry) -> None:
    browser, client_id = await pair(pairing)
    token = open_session(sessions, client_id, browser.key)
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
    browser, client_id = await pair(pairing)
    nonce = secrets.token_bytes(32)
    assert HALF_OPEN == 32
    challenges = [sessions.challenge(client_id, nonce) for _ in range(HALF_OPEN + 1)]
    first, second = (
        handshake.client_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
        for challenge in challenges[:2]
    )
    with pytest.raises(Unpaired):
        sessions.answer(challenges[0].session_id, first)
    assert clients.authenticate(sessions.answer(challenges[1].session_id, second)[1]) is not None


async def test_a_challenge_can_be_answered_until_its_time_is_over_and_once(
    pairing: Pairing, sessions: Sessions, clock: Clock
) -> None:
    browser, client_id = await pair(pairing)
    nonce = secrets.token_bytes(32)
    challenge = sessions.challenge(client_id, nonce)
    proof = handshake.client_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
    clock.now += ANSWER_S - 0.001
    client, _ = sessions.answer(challenge.session_id, proof)
    assert client.id == client_id
    with pytest.raises(Unpaired):
        sessions.answer(challenge.session_id, proof)
    assert ANSWER_S == 10


async def test_an_answered_challenge_makes_room_for_another(pairing: Pairing, sessions: Sessions) -> None:
    browser, client_id = await pair(pairing)
    nonce = secrets.token_bytes(32)
    first, *others = [sessions.challenge(client_id, nonce) for _ in range(HALF_OPEN)]
    for challenge in others[:1]:
        sessions.answer(
            challenge.session_id, handshake.client_proof(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
        )
    sessions.challenge(client_id, nonce)
    proof = handshake.client_proof(browser.key, client_id, PORT, nonce, first.daemon_nonce)
    assert sessions.answer(first.session_id, proof)[0].id == client_id


async def test_every_challenge_has_a_name_and_a_nonce_of_its_own(pairing: Pairing, sessions: Sessions) -> None:
    _, client_id = await pair(pairing)
    one, other = sessions.challenge(client_id, bytes(32)), sessions.challenge(client_id, bytes(32))
    assert one.session_id != other.session_id
    assert one.daemon_nonce != other.daemon_nonce
    assert len(one.daemon_nonce) == handshake.NONCE_BYTES


def test_an_unknown_browser_gets_no_proof(sessions: Sessions) -> None:
    with pytest.raises(Unpaired):
        sessions.challenge("nothing", bytes(32))
    with pytest.raises(Unpaired):
        sessions.answer("nothing", bytes(32))


async def test_the_key_itself_asks_for_the_console_and_no_bearer_and_no_other_proof_does(
    pairing: Pairing, sessions: Sessions, clients: ClientRegistry
) -> None:
    browser, client_id = await pair(pairing)

    def prove(how: Callable[[bytes, str, int, bytes, bytes], bytes]) -> str:
        nonce = secrets.token_bytes(32)
        challenge = sessions.challenge(client_id, nonce)
        proof = how(browser.key, client_id, PORT, nonce, challenge.daemon_nonce)
        return sessions.prove_opener(challenge.session_id, proof).id

    assert prove(handshake.opener_proof) == client_id
    with pytest.raises(Unpaired):
        prove(handshake.client_proof)
    await clients.allow_console(client_id, allowed=False)
    with pytest.raises(WrongScope):
        prove(handshake.opener_proof)
