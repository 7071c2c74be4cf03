"""A client is who its token says until it is revoked, may do what its scopes imply, and survives a restart."""

from dataclasses import replace
from itertools import product

import pytest

from mien_api.errors import UnknownClient
from mien_daemon.access.clients import (
    GRANTABLE,
    LOCAL,
    SESSION_S,
    TOUCH_EVERY_S,
    Client,
    ClientRegistry,
    Scope,
    hash_token,
    new_token,
)
from mien_daemon.state.database import Database
from mien_testing.pairing import ORIGIN, Clock

LOCAL_TOKEN = "the local token"
ALLOWED = {
    ("swap", "swap"),
    ("models", "models"),
    *(("admin", scope) for scope in ("swap", "models", "admin")),
    *(("local", scope) for scope in ("swap", "models", "admin", "local")),
}
SCOPES: tuple[Scope, ...] = ("swap", "models", "admin", "local")


async def reopened(database: Database) -> ClientRegistry:
    registry = ClientRegistry(database, LOCAL_TOKEN)
    await registry.load()
    return registry


# ── scopes ──


@pytest.mark.parametrize(("own", "wanted"), list(product(SCOPES, SCOPES)))
def test_a_scope_allows_itself_and_what_it_implies_and_nothing_else(own: Scope, wanted: Scope) -> None:
    assert Client("id", "name", frozenset({own})).may(wanted) is ((own, wanted) in ALLOWED)


def test_several_scopes_allow_what_any_of_them_allows() -> None:
    both = Client("id", "name", frozenset({"swap", "models"}))
    assert [scope for scope in SCOPES if both.may(scope)] == ["swap", "models"]
    assert not Client("id", "name", frozenset()).may("swap")


def test_a_client_sees_its_own_and_an_administrator_sees_everything() -> None:
    one = Client("one", "name", frozenset({"swap", "models"}))
    assert one.sees("one")
    assert not one.sees("other")
    assert Client("two", "name", frozenset({"admin"})).sees("one")
    assert LOCAL.sees("one")


def test_the_local_scope_cannot_be_granted() -> None:
    assert set(GRANTABLE) == set(SCOPES) - {"local"}
    assert LOCAL.may("local")


# ── tokens ──


def test_tokens_are_long_and_each_is_another() -> None:
    first = new_token()
    assert first.startswith("mien_")
    assert len(first) == len("mien_") + 43, "256 bits"
    assert first != new_token()


def test_of_a_token_only_a_hash_is_kept() -> None:
    assert len(hash_token("mien_x")) == 32
    assert hash_token("mien_x") == hash_token("mien_x") != hash_token("mien_y")
    hash_token("\udc80")  # a header may carry bytes that are no text


async def test_a_token_stands_for_its_client_in_the_next_daemon_as_well(
    clients: ClientRegistry, database: Database
) -> None:
    made, token = await clients.create_token("nightly", ["swap", "models"])
    assert (made.name, made.scopes, made.origin) == ("nightly", frozenset({"swap", "models"}), None)
    assert clients.authenticate(token) == made
    assert len(bytes.fromhex(made.id)) == 8
    assert clients.authenticate(token + "x") is None
    again = await reopened(database)
    assert again.authenticate(token) == made
    assert again.list_all() == [made]
    stored = await database.read(lambda db: db.execute("SELECT * FROM clients").fetchall())
    assert token not in str([tuple(row) for row in stored])


async def test_a_paired_browser_has_no_token_and_keeps_its_key(clients: ClientRegistry, database: Database) -> None:
    made = await clients.add_paired("Firefox", ORIGIN, bytes(32))
    assert (made.scopes, made.origin, made.pairing_key) == (frozenset({"swap", "faces", "console"}), ORIGIN, bytes(32))
    assert (await reopened(database)).get(made.id) == made


async def test_a_scope_that_cannot_be_granted_is_not_read_from_the_disk(
    clients: ClientRegistry, database: Database
) -> None:
    made, token = await clients.create_token("edited", ["swap"])
    await database.write(lambda db: db.execute("UPDATE clients SET scopes = 'local swap root'"))
    client = (await reopened(database)).authenticate(token)
    assert client == replace(made, scopes=frozenset({"swap"}))


def test_this_users_own_programs_are_known_by_their_token_and_are_not_listed(clients: ClientRegistry) -> None:
    assert clients.authenticate(LOCAL_TOKEN) == LOCAL
    assert clients.list_all() == []
    with pytest.raises(UnknownClient):
        clients.get(LOCAL.id)


async def test_clients_are_listed_oldest_first(clients: ClientRegistry, clock: Clock) -> None:
    for name, at in (("second", 200.0), ("first", 100.0), ("third", 300.0)):
        clock.now = at
        await clients.create_token(name, ["swap"])
    assert [client.name for client in clients.list_all()] == ["first", "second", "third"]
    assert [client.created_at for client in clients.list_all()] == [100.0, 200.0, 300.0]


# ── renamed, revoked ──


async def test_a_new_name_is_kept_and_changes_nothing_else(clients: ClientRegistry, database: Database) -> None:
    made, token = await clients.create_token("old", ["swap"])
    renamed = await clients.rename(made.id, "new")
    assert renamed == replace(made, name="new") == clients.authenticate(token)
    assert (await reopened(database)).get(made.id).name == "new"


async def test_a_revoked_client_loses_its_tokens_and_sessions_and_no_other_does(
    clients: ClientRegistry, database: Database
) -> None:
    gone, gone_token = await clients.create_token("gone", ["swap"])
    stays, stays_token = await clients.create_token("stays", ["swap"])
    gone_session, stays_session = clients.open_session(gone.id), clients.open_session(stays.id)
    assert clients.is_active(gone)
    await clients.revoke(gone.id)
    assert not clients.is_active(gone)
    assert clients.is_active(stays)
    assert clients.authenticate(gone_token) is None
    assert clients.authenticate(gone_session) is None
    assert clients.authenticate(stays_token) == clients.authenticate(stays_session) == stays
    again = await reopened(database)
    assert again.list_all() == [stays]
    assert again.authenticate(gone_token) is None


@pytest.mark.parametrize("client_id", ["unknown", "local"])
async def test_a_client_that_is_not_there_cannot_be_renamed_or_revoked(clients: ClientRegistry, client_id: str) -> None:
    for change in (clients.rename(client_id, "name"), clients.revoke(client_id)):
        with pytest.raises(UnknownClient) as refused:
            await change
        assert refused.value.fields["client"] == client_id
    assert clients.authenticate(LOCAL_TOKEN) == LOCAL


# ── sessions ──


async def test_a_session_is_good_until_its_time_is_over_and_not_at_that_moment(
    clients: ClientRegistry, clock: Clock
) -> None:
    client, _ = await clients.create_token("script", ["swap"])
    token = clients.open_session(client.id)
    clock.now += SESSION_S - 0.001
    assert clients.authenticate(token) == client
    clock.now += 0.001
    assert clients.authenticate(token) is None
    clock.now -= 1
    assert clients.authenticate(token) is None, "it was forgotten"


async def test_a_session_of_a_browser_lasts_a_quarter_of_an_hour(clients: ClientRegistry) -> None:
    assert SESSION_S == 900


async def test_a_session_is_bound_to_a_page_or_to_the_clients_own_origin(clients: ClientRegistry) -> None:
    browser = await clients.add_paired("Firefox", ORIGIN, bytes(32))
    own, page = clients.open_session(browser.id), clients.open_session(browser.id, 60, "http://127.0.0.1:6436")
    assert clients.authenticate(own) == browser
    assert clients.authenticate(page) == replace(browser, origin="http://127.0.0.1:6436")
    assert clients.get(browser.id) == browser


async def test_sessions_that_are_over_are_forgotten_when_the_next_is_opened(
    clients: ClientRegistry, clock: Clock
) -> None:
    client, _ = await clients.create_token("script", ["swap"])
    over, running = clients.open_session(client.id, 10), clients.open_session(client.id, 20)
    clock.now += 10
    clients.open_session(client.id)
    clock.now -= 5
    assert clients.authenticate(over) is None
    assert clients.authenticate(running) == client


# ── last seen ──


async def test_the_last_visit_is_written_down_at_most_once_a_minute(
    clients: ClientRegistry, clock: Clock, database: Database
) -> None:
    client, _ = await clients.create_token("script", ["swap"])
    assert client.last_seen is None
    seen: list[float | None] = []
    for at in (1000.0, 1000.0 + TOUCH_EVERY_S - 0.1, 1000.0 + TOUCH_EVERY_S):
        clock.now = at
        clients.touch(client)
        seen.append(clients.get(client.id).last_seen)
    assert seen == [1000.0, 1000.0, 1060.0]
    await clients.close()
    assert (await reopened(database)).get(client.id).last_seen == 1060.0


async def test_the_visits_of_own_programs_and_of_revoked_clients_are_not_written_down(
    clients: ClientRegistry, database: Database
) -> None:
    client, _ = await clients.create_token("script", ["swap"])
    await clients.revoke(client.id)
    clients.touch(client)
    clients.touch(LOCAL)
    assert not clients.is_active(client)
    assert clients.authenticate(LOCAL_TOKEN) == LOCAL
    assert await database.read(lambda db: db.execute("SELECT * FROM clients").fetchall()) == []
