"""A one-time code lets one page in for its client, once, within a minute."""

import pytest

from mien_api.errors import Unpaired
from mien_daemon.access.clients import LOCAL, ClientRegistry
from mien_daemon.access.one_time_codes import CODE_S, OUTSTANDING, Grant, OneTimeCodes
from mien_testing.pairing import Clock


@pytest.fixture
def codes(clients: ClientRegistry, clock: Clock) -> OneTimeCodes:
    return OneTimeCodes(clients, clock)


def is_refused(codes: OneTimeCodes, code: str) -> bool:
    with pytest.raises(Unpaired):
        codes.redeem(code)
    return True


def test_codes_are_long_and_each_is_another(codes: OneTimeCodes) -> None:
    first = codes.issue(LOCAL)
    assert len(first) == 32, "192 bits"
    assert first != codes.issue(LOCAL)


async def test_a_code_lets_a_page_in_for_the_client_that_asked(codes: OneTimeCodes, clients: ClientRegistry) -> None:
    script, _ = await clients.create_token("script", ["admin"])
    assert codes.redeem(codes.issue(script)) == Grant(script, script.id)


async def test_a_browsers_code_ends_with_its_right_to_open_the_page(
    codes: OneTimeCodes, clients: ClientRegistry
) -> None:
    browser = await clients.add_paired("Firefox", "moz-extension://a", bytes(32))
    good, late, later = (codes.issue(LOCAL, browser.id) for _ in range(3))
    assert codes.redeem(good) == Grant(LOCAL, browser.id)
    await clients.allow_console(browser.id, allowed=False)
    assert is_refused(codes, late)
    await clients.revoke(browser.id)
    assert is_refused(codes, later)


def test_a_code_is_used_once(codes: OneTimeCodes) -> None:
    code = codes.issue(LOCAL)
    codes.redeem(code)
    assert is_refused(codes, code)


def test_a_code_is_good_for_a_minute_and_not_at_its_end(codes: OneTimeCodes, clock: Clock) -> None:
    in_time, late = codes.issue(LOCAL), codes.issue(LOCAL)
    clock.now += CODE_S - 0.001
    assert codes.redeem(in_time).client is LOCAL
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
    assert all(codes.redeem(code).client is LOCAL for code in issued[1:])


def test_a_used_code_makes_room_for_another(codes: OneTimeCodes) -> None:
    issued = [codes.issue(LOCAL) for _ in range(OUTSTANDING)]
    codes.redeem(issued[5])
    issued.append(codes.issue(LOCAL))
    assert codes.redeem(issued[0]).client is LOCAL
