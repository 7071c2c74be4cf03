"""A browser is paired only in a window that is open for it, and only when a person has compared the digits."""

import asyncio

import pytest

from mien_api.errors import PairingClosed, TooManyRequests
from mien_core.errors import BadRequest
from mien_daemon.access import handshake
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.access.pairing import ASKED_A_MINUTE, COLLECT_S, SILENCE_S, WINDOW_S, Pairing
from mien_testing.pairing import NAME, ORIGIN, PORT, Browser, Clock, pair


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
    assert client.scopes == {"swap", "faces", "console"}, "no browser gets more than it needs"
    assert not client.may("admin")
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
    browser, _ = await pair(pairing)
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
    browser, client_id = await pair(pairing)
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
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    Browser().begin(pairing)
    await asyncio.wait_for(waiting, 60)
    await pairing.wait_for_change(0.01)


# ── the boundaries ──


def test_the_window_is_open_for_two_minutes_and_closed_at_their_end(pairing: Pairing, clock: Clock) -> None:
    assert not pairing.window().is_open
    assert pairing.open().seconds_left == WINDOW_S == 120
    clock.now += WINDOW_S - 0.001
    assert pairing.window().is_open
    Browser().begin(pairing)
    assert pairing.window().name == NAME
    clock.now += 0.001
    assert pairing.window().pairing_id is None
    with pytest.raises(PairingClosed):
        Browser().begin(pairing)


def test_closing_the_window_ends_what_had_begun(pairing: Pairing) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    pairing.close()
    assert not pairing.window().is_open
    with pytest.raises(PairingClosed):
        browser.reveal(pairing)


def test_opening_the_window_again_ends_what_had_begun(pairing: Pairing) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    assert pairing.open().pairing_id is None
    with pytest.raises(PairingClosed):
        browser.reveal(pairing)


async def test_an_approval_can_be_fetched_for_half_a_minute(pairing: Pairing) -> None:
    await pair(pairing)
    assert pairing.window().seconds_left == COLLECT_S == 30


def test_the_fourth_try_may_come_a_minute_after_the_first(pairing: Pairing, clock: Clock) -> None:
    for wait in (0, 20, 20):
        clock.now += wait
        pairing.open()
        Browser().begin(pairing)
    clock.now += 19.5
    pairing.open()
    with pytest.raises(TooManyRequests) as refused:
        Browser().begin(pairing)
    assert refused.value.fields == {"retry_after_s": 1}
    clock.now += 0.5
    Browser().begin(pairing)


def test_a_second_browser_is_told_to_wait_at_least_a_second(pairing: Pairing, clock: Clock) -> None:
    pairing.open()
    Browser().begin(pairing)
    clock.now += WINDOW_S - 0.2
    with pytest.raises(TooManyRequests) as refused:
        Browser().begin(pairing)
    assert refused.value.fields == {"retry_after_s": 1}


def test_a_browser_reveals_once(pairing: Pairing) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    browser.reveal(pairing)
    with pytest.raises(PairingClosed):
        browser.reveal(pairing)


def test_another_pairings_id_names_nothing(pairing: Pairing) -> None:
    pairing.open()
    Browser().begin(pairing)
    with pytest.raises(PairingClosed):
        pairing.outcome("another")


async def test_a_browser_is_told_of_its_approval_only_when_its_client_is_on_the_disk(pairing: Pairing) -> None:
    browser = Browser()
    pairing.open()
    browser.begin(pairing)
    assert pairing.outcome(browser.pairing_id).state == "begun"
    browser.reveal(pairing)
    approving = asyncio.create_task(pairing.approve(browser.pairing_id))
    await asyncio.sleep(0)
    waiting = pairing.outcome(browser.pairing_id)
    assert (waiting.state, waiting.client_id, waiting.confirmation) == ("shown", None, None)
    client = await approving
    assert pairing.outcome(browser.pairing_id).client_id == client.id


async def test_every_change_of_the_window_has_another_revision(pairing: Pairing) -> None:
    seen = [pairing.window().revision, pairing.open().revision]
    browser = Browser()
    browser.begin(pairing)
    seen.append(pairing.window().revision)
    browser.reveal(pairing)
    seen.append(pairing.window().revision)
    await pairing.approve(browser.pairing_id)
    seen.append(pairing.window().revision)
    await pairing.cancel(browser.pairing_id)
    seen.append(pairing.window().revision)
    pairing.close()
    seen.append(pairing.window().revision)
    assert len(set(seen)) == 7
    assert pairing.window().revision == seen[-1], "looking changes nothing"


async def test_whoever_waits_longer_than_the_window_is_open_hears_of_its_end(pairing: Pairing, clock: Clock) -> None:
    pairing.open()
    clock.now += WINDOW_S - 0.01
    async with asyncio.timeout(60):
        await pairing.wait_for_change(600)


# ── an extension that asks ──


async def test_an_extension_that_asks_is_paired_when_the_person_says_yes(
    pairing: Pairing, clients: ClientRegistry
) -> None:
    browser = Browser()
    pairing.ask(ORIGIN)
    browser.begin(pairing)
    browser.reveal(pairing)
    assert clients.list_all() == [], "asking lets nobody in"
    await pairing.approve(browser.pairing_id)
    assert pairing.outcome(browser.pairing_id).state == "approved"


async def test_the_next_extension_may_ask_once_the_last_one_knows_that_it_was_approved(pairing: Pairing) -> None:
    first, other = Browser(), ORIGIN.replace("a", "b")
    pairing.ask(ORIGIN)
    first.begin(pairing)
    first.reveal(pairing)
    await pairing.approve(first.pairing_id)
    with pytest.raises(TooManyRequests):
        pairing.ask(other)
    assert pairing.outcome(first.pairing_id).state == "approved"
    assert pairing.ask(other)


def test_the_window_that_one_extension_asked_for_is_open_for_no_other(pairing: Pairing) -> None:
    other = ORIGIN.replace("a", "b")
    pairing.ask(other)
    with pytest.raises(PairingClosed):
        Browser().begin(pairing)
    with pytest.raises(TooManyRequests):
        pairing.ask(ORIGIN)
    pairing.open()
    Browser().begin(pairing)  # the person's own window goes before


async def test_a_person_who_opens_the_window_sees_the_extension_that_has_asked(pairing: Pairing) -> None:
    browser = Browser()
    pairing.ask(ORIGIN)
    browser.begin(pairing)
    browser.reveal(pairing)
    assert pairing.open().digits == browser.digits
    await pairing.approve(browser.pairing_id)


def test_a_no_shuts_the_window_and_silences_every_extension_for_a_while(pairing: Pairing, clock: Clock) -> None:
    browser = Browser()
    pairing.ask(ORIGIN)
    browser.begin(pairing)
    browser.reveal(pairing)
    pairing.refuse(browser.pairing_id)
    assert pairing.outcome(browser.pairing_id).state == "refused", "it is told"
    with pytest.raises(PairingClosed):
        Browser().begin(pairing)
    clock.now += COLLECT_S
    for origin in (ORIGIN, ORIGIN.replace("a", "b")):
        with pytest.raises(TooManyRequests) as refused:
            pairing.ask(origin)
    assert refused.value.fields["retry_after_s"] == SILENCE_S - COLLECT_S + 1
    clock.now += SILENCE_S - COLLECT_S
    pairing.ask(ORIGIN)


async def test_an_extension_that_was_put_to_sleep_asks_again_and_one_that_gives_up_shuts_the_window(
    pairing: Pairing,
) -> None:
    first, second = Browser(), Browser()
    for browser in (first, second):
        pairing.ask(ORIGIN)
        browser.begin(pairing)
        browser.reveal(pairing)
    with pytest.raises(PairingClosed):
        pairing.outcome(first.pairing_id)
    await pairing.cancel(second.pairing_id)
    assert not pairing.window().is_open


def test_an_extension_that_asks_again_changes_nothing_and_asks_six_times_a_minute(
    pairing: Pairing, clock: Clock
) -> None:
    assert pairing.ask(ORIGIN)
    before = pairing.window()
    assert not pairing.ask(ORIGIN)
    assert pairing.window() == before
    pairing.open()
    pairing.close()
    for _ in range(ASKED_A_MINUTE - 1):
        pairing.ask(ORIGIN)
        pairing.open()
        pairing.close()
    with pytest.raises(TooManyRequests) as refused:
        pairing.ask(ORIGIN)
    assert refused.value.fields == {"retry_after_s": 61}
    clock.now += 61
    pairing.ask(ORIGIN)


def test_a_person_who_closes_the_window_that_was_asked_for_has_said_no(pairing: Pairing, clock: Clock) -> None:
    pairing.open()
    pairing.close()
    pairing.ask(ORIGIN)
    pairing.close()
    with pytest.raises(TooManyRequests) as refused:
        pairing.ask(ORIGIN)
    assert refused.value.fields["retry_after_s"] == SILENCE_S + 1
    pairing.open()
    Browser().begin(pairing)  # a person may always
    pairing.close()
    clock.now += SILENCE_S
    assert pairing.ask(ORIGIN)


async def test_to_close_the_window_after_a_yes_is_no_no(pairing: Pairing) -> None:
    browser = Browser()
    pairing.ask(ORIGIN)
    browser.begin(pairing)
    browser.reveal(pairing)
    await pairing.approve(browser.pairing_id)
    pairing.close()
    assert pairing.ask(ORIGIN)
