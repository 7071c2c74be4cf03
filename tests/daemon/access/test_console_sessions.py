"""A browser that signed in to the console opens sessions with a key that never leaves it, until it is signed out."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mien_api.errors import StateBusy, Unpaired
from mien_daemon.access.clients import LOCAL, ClientRegistry
from mien_daemon.access.console_sessions import (
    ANSWER_S,
    HALF_OPEN,
    LONGEST_S,
    MOST_KEYS,
    SESSION_S,
    UNUSED_S,
    ConsoleSessions,
)
from mien_daemon.access.one_time_codes import Grant
from mien_daemon.state.clock import StateClock
from mien_daemon.state.database import Database
from mien_testing.pairing import PORT, Clock, PageKey

PAGE = f"http://127.0.0.1:{PORT}"
MINE = Grant(LOCAL, LOCAL.id)


@pytest.fixture
def database(tmp_path: Path, dates: Clock) -> Iterator[Database]:
    opened = Database(tmp_path, StateClock(running=dates, boot=lambda: "this boot"))
    yield opened
    opened.close()


@pytest.fixture
def console(clients: ClientRegistry, database: Database, clock: Clock) -> ConsoleSessions:
    return ConsoleSessions(clients, database, PORT, clock)


async def signed_in(console: ConsoleSessions, grant: Grant = MINE) -> tuple[PageKey, str]:
    key = PageKey()
    _, key_id = await console.open(grant, PAGE, key.point, "Firefox on Linux")
    assert key_id is not None
    return key, key_id


async def renewed(console: ConsoleSessions, key: PageKey, key_id: str, origin: str = PAGE) -> str:
    nonce = console.challenge()
    _, token = await console.renew(key_id, nonce, key.sign(key_id, nonce), origin)
    return token


async def stored(database: Database) -> list[str]:
    return [row["id"] for row in await database.read(lambda db: db.execute("SELECT id FROM console_keys").fetchall())]


async def is_refused(console: ConsoleSessions, key: PageKey, key_id: str, origin: str = PAGE) -> bool:
    with pytest.raises(Unpaired):
        await renewed(console, key, key_id, origin)
    return True


async def test_a_session_is_bound_to_its_page_and_lasts_a_working_day(
    console: ConsoleSessions, clients: ClientRegistry, clock: Clock
) -> None:
    token, key_id = await console.open(MINE, PAGE)
    session = clients.authenticate(token)
    assert (key_id, session and session.origin, session and session.scopes) == (None, PAGE, LOCAL.scopes)
    clock.now += SESSION_S - 1
    assert clients.authenticate(token) is not None
    clock.now += 1
    assert clients.authenticate(token) is None
    assert SESSION_S == 12 * 60 * 60


async def test_the_next_tab_signs_a_nonce_instead_of_bringing_a_code(
    console: ConsoleSessions, clients: ClientRegistry
) -> None:
    key, key_id = await signed_in(console)
    session = clients.authenticate(await renewed(console, key, key_id))
    assert (session and session.id, session and session.origin) == (LOCAL.id, PAGE)


async def test_the_next_daemon_knows_the_key_and_holds_nothing_that_opens_a_session(
    console: ConsoleSessions, database: Database, clients: ClientRegistry
) -> None:
    key, key_id = await signed_in(console)
    after = ConsoleSessions(clients, database, PORT)
    await after.load()
    assert clients.authenticate(await renewed(after, key, key_id)) is not None
    (row,) = await database.read(lambda db: db.execute("SELECT * FROM console_keys").fetchall())
    assert bytes(row["point"]) == key.point


async def test_a_nonce_is_signed_once_and_at_once(console: ConsoleSessions, clock: Clock) -> None:
    key, key_id = await signed_in(console)
    nonce = console.challenge()
    signature = key.sign(key_id, nonce)
    await console.renew(key_id, nonce, signature, PAGE)
    late = console.challenge()
    clock.now += ANSWER_S
    for one, signed in ((nonce, signature), (late, key.sign(key_id, late)), (bytes(32), key.sign(key_id, bytes(32)))):
        with pytest.raises(Unpaired):
            await console.renew(key_id, one, signed, PAGE)


async def test_another_key_another_port_and_noise_are_refused(console: ConsoleSessions) -> None:
    """Another port: what a program that held this one made the page sign is worth nothing here."""
    key, key_id = await signed_in(console)
    signers: tuple[Callable[[bytes], bytes], ...] = (
        lambda nonce: PageKey().sign(key_id, nonce),
        lambda nonce: key.sign(key_id, nonce, PORT + 1),
        lambda nonce: key.sign("0" * 32, nonce),
        lambda _: secrets.token_bytes(64),
        lambda _: bytes(64),
    )
    for sign in signers:
        nonce = console.challenge()
        with pytest.raises(Unpaired):
            await console.renew(key_id, nonce, sign(nonce), PAGE)
    assert await is_refused(console, key, "0" * 32)
    assert await is_refused(console, key, key_id, "http://127.0.0.1:1")


async def test_signing_out_ends_the_sessions_of_that_browser_alone(
    console: ConsoleSessions, clients: ClientRegistry, database: Database
) -> None:
    key, key_id = await signed_in(console)
    other, other_id = await signed_in(console)
    token, stays = await renewed(console, key, key_id), await renewed(console, other, other_id)
    await console.sign_out(key_id)
    assert (clients.authenticate(token), [each.id for each in console.list_all()]) == (None, [other_id])
    assert clients.authenticate(stays) is not None
    assert await is_refused(console, key, key_id)
    assert len(await database.read(lambda db: db.execute("SELECT * FROM console_keys").fetchall())) == 1


async def test_a_page_that_a_paired_browser_opened_goes_with_that_browsers_right(
    console: ConsoleSessions, clients: ClientRegistry
) -> None:
    browser = await clients.add_paired("Firefox", "moz-extension://a", bytes(32))
    key, key_id = await signed_in(console, Grant(LOCAL, browser.id))
    token = await renewed(console, key, key_id)
    await clients.allow_console(browser.id, allowed=False)
    assert (clients.authenticate(token), console.list_all()) == (None, [])
    assert await is_refused(console, key, key_id)
    await clients.allow_console(browser.id, allowed=True)
    token = await renewed(console, key, key_id)
    await clients.revoke(browser.id)
    assert clients.authenticate(token) is None
    assert await is_refused(console, key, key_id)


async def test_what_a_client_let_in_is_deleted_with_its_right_and_does_not_come_back_with_it(
    console: ConsoleSessions, clients: ClientRegistry, database: Database
) -> None:
    browser = await clients.add_paired("Firefox", "moz-extension://a", bytes(32))
    key, key_id = await signed_in(console, Grant(LOCAL, browser.id))
    token = await renewed(console, key, key_id)
    _, stays = await signed_in(console)
    await console.forget_granted(browser.id)
    assert clients.authenticate(token) is None
    assert await is_refused(console, key, key_id)
    assert await stored(database) == [stays]


async def test_keys_that_are_dead_are_deleted_when_the_next_daemon_starts(
    console: ConsoleSessions, clients: ClientRegistry, database: Database
) -> None:
    script, _ = await clients.create_token("script", ["admin"])
    await signed_in(console, Grant(script, script.id))
    _, stays = await signed_in(console)
    await clients.revoke(script.id)
    assert len(await stored(database)) == 2
    after = ConsoleSessions(clients, database, PORT)
    await after.load()
    await after.close()
    assert await stored(database) == [key.id for key in after.list_all()] == [stays]


async def test_a_sign_out_that_meets_a_locked_database_is_written_when_it_is_free(
    console: ConsoleSessions, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien_daemon.state.database.BUSY_S", 0.1)
    key, key_id = await signed_in(console)
    with closing(sqlite3.connect(tmp_path / "mien.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateBusy):
            await console.sign_out(key_id)
        assert await is_refused(console, key, key_id)
        assert await stored(database) == [key_id]
        other.execute("ROLLBACK")
    await console.close()
    assert await stored(database) == []


async def test_a_right_that_ends_while_the_key_is_stored_opens_no_session(
    console: ConsoleSessions, clients: ClientRegistry, database: Database
) -> None:
    browser = await clients.add_paired("Firefox", "moz-extension://a", bytes(32))
    script, _ = await clients.create_token("script", ["admin"])
    for grant, revoked in ((Grant(LOCAL, browser.id), browser), (Grant(script, LOCAL.id), script)):
        opened, _ = await asyncio.gather(
            console.open(grant, PAGE, PageKey().point, "x"), clients.revoke(revoked.id), return_exceptions=True
        )
        assert isinstance(opened, Unpaired)
    assert (console.list_all(), await stored(database)) == ([], [])


async def test_a_browser_is_signed_out_when_it_was_not_used_for_long_and_after_half_a_year(
    console: ConsoleSessions, dates: Clock
) -> None:
    key, key_id = await signed_in(console)
    unused, unused_id = await signed_in(console)
    for _ in range(int(LONGEST_S / UNUSED_S) * 2 - 1):
        dates.now += UNUSED_S / 2
        await renewed(console, key, key_id)
    assert await is_refused(console, unused, unused_id)
    dates.now += UNUSED_S / 2
    assert await is_refused(console, key, key_id)


async def test_keys_and_nonces_are_bounded(console: ConsoleSessions) -> None:
    made = [await signed_in(console) for _ in range(MOST_KEYS + 1)]
    assert len(console.list_all()) == MOST_KEYS
    key, key_id = made[-1]
    oldest = console.challenge()
    for _ in range(HALF_OPEN):
        console.challenge()
    with pytest.raises(Unpaired):
        await console.renew(key_id, oldest, key.sign(key_id, oldest), PAGE)


async def test_a_point_that_is_none_of_the_curve_is_refused(console: ConsoleSessions) -> None:
    with pytest.raises(ValueError, match=r"."):
        await console.open(MINE, PAGE, bytes(65), "x")
