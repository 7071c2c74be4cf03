"""A one-time code opens one session for its client, once, within a minute, and is bound to one page."""

import pytest

from mien_api.errors import Unpaired
from mien_daemon.access.clients import LOCAL, ClientRegistry
from mien_daemon.access.one_time_codes import CODE_S, CONSOLE_SESSION_S, OUTSTANDING, OneTimeCodes
from mien_testing.pairing import Clock

PAGE = "http://127.0.0.1:6436"


@pytest.fixture
def codes(clients: ClientRegistry, clock: Clock) -> OneTimeCodes:
    return OneTimeCodes(clients, clock)


def is_refused(codes: OneTimeCodes, code: str) -> bool:
    with pytest.raises(Unpaired):
        codes.redeem(code, PAGE)
    return True


def test_codes_are_long_and_each_is_another(codes: OneTimeCodes) -> None:
    first = codes.issue(LOCAL)
    assert len(first) == 32, "192 bits"
    assert first != codes.issue(LOCAL)


async def test_a_code_becomes_a_session_of_its_client_bound_to_the_page(
    codes: OneTimeCodes, clients: ClientRegistry, clock: Clock
) -> None:
    script, _ = await clients.create_token("script", ["admin"])
    client, token = codes.redeem(codes.issue(script), PAGE)
    assert client == script
    session = clients.authenticate(token)
    assert session is not None
    assert (session.id, session.scopes, session.origin) == (script.id, frozenset({"admin"}), PAGE)
    clock.now += CONSOLE_SESSION_S - 1
    assert clients.authenticate(token) is not None
    clock.now += 1
    assert clients.authenticate(token) is None


def test_a_console_session_lasts_a_working_day() -> None:
    assert CONSOLE_SESSION_S == 12 * 60 * 60


def test_a_code_is_used_once(codes: OneTimeCodes) -> None:
    code = codes.issue(LOCAL)
    codes.redeem(code, PAGE)
    assert is_refused(codes, code)


def test_a_code_is_good_for_a_minute_and_not_at_its_end(codes: OneTimeCodes, clock: Clock) -> None:
    in_time, late = codes.issue(LOCAL), codes.issue(LOCAL)
    clock.now += CODE_S - 0.001
    assert codes.redeem(in_time, PAGE)[0] is LOCAL
    clock.now += 0.001
    assert is_refused(codes, late)
    clock.now -= 1
    assert is_refused(codes, late), "it was used up by the attempt"
    assert CODE_S == 60


def test_a_code_that_was_never_issued_is_refused(codes: OneTimeCodes) -> None:
    codes.issue(LOCAL)
    assert is_refused(codes, "A" * 32)
    assert is_refused(codes, "")


async def test_a_code_of_a_revoked_client_is_refused(codes: OneTimeCodes, clients: ClientRegistry) -> None:
    script, _ = await clients.create_token("script", ["admin"])
    code = codes.issue(script)
    await clients.revoke(script.id)
    assert is_refused(codes, code)


def test_only_the_oldest_code_goes_when_there_are_too_many(codes: OneTimeCodes) -> None:
    assert OUTSTANDING == 16
    issued = [codes.issue(LOCAL) for _ in range(OUTSTANDING + 1)]
    assert is_refused(codes, issued[0])
    assert all(codes.redeem(code, PAGE)[0] is LOCAL for code in issued[1:])


def test_a_used_code_makes_room_for_another(codes: OneTimeCodes) -> None:
    issued = [codes.issue(LOCAL) for _ in range(OUTSTANDING)]
    codes.redeem(issued[5], PAGE)
    issued.append(codes.issue(LOCAL))
    assert codes.redeem(issued[0], PAGE)[0] is LOCAL
