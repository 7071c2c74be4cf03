"""The clients of the daemon: named tokens for scripts, paired browsers, and their sessions."""

import asyncio
import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from mien_api.errors import StateBusy, UnknownClient
from mien_core.errors import MienError
from mien_daemon.background import BackgroundTasks
from mien_daemon.state.clock import running_s
from mien_daemon.state.database import Database

log = logging.getLogger(__name__)

Scope = Literal["swap", "faces", "console", "models", "admin", "local"]
GRANTABLE: tuple[Scope, ...] = ("swap", "models", "admin")
BROWSER: tuple[Scope, ...] = ("swap", "faces", "console")
CONSOLE: frozenset[Scope] = frozenset({"console"})
STORED: frozenset[Scope] = frozenset({*GRANTABLE, *BROWSER})
IMPLIED: dict[Scope, frozenset[Scope]] = {
    "swap": frozenset({"swap"}),
    "faces": frozenset({"faces"}),
    "console": frozenset({"console"}),
    "models": frozenset({"models"}),
    "admin": frozenset({"admin", "swap", "faces", "models"}),
    # The programs of this user, which read the token in `daemon.json`: command line and tray.
    "local": frozenset({"local", "admin", "swap", "faces", "models"}),
}
"""What each scope allows. `local` cannot be granted to a token: only it may approve a pairing.

`faces` adds to the reference library. `console` opens the page as this user, against a proof of the pairing key.
"""

SESSION_S = 15 * 60.0
CLOSE_S = 5.0  # how long the end of the daemon waits for a locked database
TOUCH_EVERY_S = 60.0  # `last_seen` is written at most once a minute for each client


@dataclass(frozen=True, slots=True)
class Client:
    """A token or a paired browser, with a name and scopes.

    Attributes:
        origin: the only Origin its requests may carry; None for programs, which send none.
        pairing_key: the 32 bytes shared with a paired browser; None for a token.
        last_seen: seconds since the epoch, None before the first request.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    origin: str | None = None
    pairing_key: bytes | None = None
    created_at: float = 0.0
    last_seen: float | None = None

    def may(self, scope: Scope) -> bool:
        """Whether one of its scopes allows `scope`."""
        return any(scope in IMPLIED[own] for own in self.scopes)

    def sees(self, owner: str) -> bool:
        """Whether it may see what `owner` made: its own things, or everything with scope admin."""
        return owner == self.id or self.may("admin")


LOCAL = Client("local", "this user's own programs", frozenset[Scope]({"local"}))


@dataclass(frozen=True, slots=True)
class Session:
    """A short-lived bearer token of a client.

    Attributes:
        client: the client's id.
        expires_at: seconds of `running_s`; at this moment the token is no longer good.
        origin: the page that it is bound to; None for the client's own origin.
        granted_by: the client that let the page in, and with which the session ends.
        key: the id of the page's key that opened it, if one did.
    """

    client: str
    expires_at: float
    origin: str | None
    granted_by: str
    key: str | None = None


def hash_token(token: str) -> bytes:
    """What the disk has of a token. A token has 256 random bits, so one round of a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def new_token() -> str:
    return f"mien_{secrets.token_urlsafe(32)}"


class ClientRegistry:
    """All clients in memory. A new client counts once it is on the disk; a revoked one is out at once.

    One change is written at a time, in SQL that changes only a row that is still there. A change that began is finished
    even when its caller goes away. So memory and disk never differ, and no change brings a revoked client back.
    """

    def __init__(
        self,
        database: Database,
        local_token: str,
        clock: Callable[[], float] = running_s,
        dates: Callable[[], float] | None = None,
    ) -> None:
        """`local_token` is the token of this user's own programs; sessions are timed by `clock`, rows by `dates`."""
        self._database = database
        self._clock = clock
        self._now = dates or database.clock.now
        self._clients: dict[str, Client] = {LOCAL.id: LOCAL}
        self._tokens: dict[bytes, str] = {hash_token(local_token): LOCAL.id}
        self._sessions: dict[bytes, Session] = {}
        self._one_change = asyncio.Lock()
        self._changes = BackgroundTasks()

    async def close(self) -> None:
        """Wait for changes that are under way, and for a while for those that another program holds up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._changes.wait()

    async def load(self) -> None:
        """Read the clients from the database."""
        sql = "SELECT rowid AS rowid, * FROM clients"
        for row in await self._database.read(lambda db: db.execute(sql).fetchall()):
            if self._database.is_readable("clients", row):
                self._remember(_read_client(row), row["token_hash"])

    def authenticate(self, token: str) -> Client | None:
        """The client of a bearer token; None if the token is unknown, expired or revoked."""
        digest = hash_token(token)
        owner = self._tokens.get(digest)
        if owner is None and (session := self._sessions.get(digest)):
            if session.expires_at <= self._clock():
                del self._sessions[digest]
            else:
                return self._bind_to_page(session)
        return self._clients.get(owner) if owner else None

    def _bind_to_page(self, session: Session) -> Client | None:
        client = self._clients.get(session.client)
        return replace(client, origin=session.origin) if client and session.origin else client

    def list_all(self) -> list[Client]:
        """Every client but this user's own programs, oldest first."""
        others = (client for client in self._clients.values() if client.id != LOCAL.id)
        return sorted(others, key=lambda client: client.created_at)

    def get(self, client_id: str) -> Client:
        """One client.

        Raises:
            UnknownClient: there is none, or it was revoked.
        """
        if client_id not in self._clients or client_id == LOCAL.id:
            raise UnknownClient("there is no such client", client=client_id)
        return self._clients[client_id]

    async def create_token(self, name: str, scopes: Iterable[Scope]) -> tuple[Client, str]:
        """A new client for a script, and its token, of which only the hash is kept."""
        token = new_token()
        client = Client(secrets.token_hex(8), name, frozenset(scopes), created_at=self._now())
        await self._changes.finish(self._insert(client, hash_token(token)))
        return client, token

    async def add_paired(self, name: str, origin: str, pairing_key: bytes, scopes: Iterable[Scope] = BROWSER) -> Client:
        """A new client for a paired browser: it has no token of its own, only sessions."""
        client = Client(secrets.token_hex(8), name, frozenset(scopes), origin, pairing_key, self._now())
        await self._changes.finish(self._insert(client, None))
        return client

    def open_session(
        self,
        client_id: str,
        lifetime_s: float = SESSION_S,
        origin: str | None = None,
        granted_by: str | None = None,
        key: str | None = None,
    ) -> str:
        """A bearer token that expires; sessions live in memory and end with the daemon.

        `origin` binds it to a page; without one it is bound to the client's own origin, if that has one. `granted_by`
        is the client that let the page in, if that is another one; `key` the page's key.
        """
        now = self._clock()
        self._sessions = {digest: session for digest, session in self._sessions.items() if session.expires_at > now}
        token = new_token()
        self._sessions[hash_token(token)] = Session(client_id, now + lifetime_s, origin, granted_by or client_id, key)
        return token

    def end_sessions(self, key: str) -> None:
        """End what a page's key opened."""
        self._sessions = {digest: held for digest, held in self._sessions.items() if held.key != key}

    def may_open_console(self, client_id: str) -> bool:
        """Whether this client, if it is still there, may let a page in."""
        client = self._clients.get(client_id)
        return client is not None and (client.may("console") or client.may("admin"))

    async def rename(self, client_id: str, name: str) -> Client:
        """The client under another name; raises `UnknownClient`, also when it is revoked meanwhile."""
        self.get(client_id)
        return await self._changes.finish(self._rename(client_id, name))

    async def _rename(self, client_id: str, name: str) -> Client:
        sql = "UPDATE clients SET name = ? WHERE id = ?"
        async with self._one_change:
            self.get(client_id)
            await self._database.forget(lambda db: db.execute(sql, (name, client_id)))
            # As it is now: it may have been revoked or seen while the disk was written.
            self._clients[client_id] = replace(self.get(client_id), name=name)
            return self._clients[client_id]

    async def allow_console(self, client_id: str, *, allowed: bool) -> Client:
        """Let a paired browser open the page, or no longer; then the pages that it opened are signed out at once.

        Raises:
            UnknownClient: there is none, or it was revoked, or it is no browser.
        """
        if self.get(client_id).pairing_key is None:
            raise UnknownClient("there is no such browser", client=client_id)
        if not allowed:
            self._end_granted(client_id)
        return await self._changes.finish(self._allow_console(client_id, allowed=allowed))

    async def _allow_console(self, client_id: str, *, allowed: bool) -> Client:
        sql = "UPDATE clients SET scopes = ? WHERE id = ?"
        async with self._one_change:
            others = self.get(client_id).scopes - CONSOLE
            scopes = others.union(CONSOLE) if allowed else others
            words = " ".join(sorted(scopes))
            await self._database.forget(lambda db: db.execute(sql, (words, client_id)))
            self._clients[client_id] = replace(self.get(client_id), scopes=scopes)
            if not allowed:
                self._end_granted(client_id)  # one may have been opened while the disk was written
            return self._clients[client_id]

    def _end_granted(self, client_id: str) -> None:
        self._sessions = {
            digest: held
            for digest, held in self._sessions.items()
            if held.granted_by != client_id or held.client == client_id
        }

    async def revoke(self, client_id: str) -> None:
        """Refuse the client from now on, even before the database is written.

        Raises:
            UnknownClient: there is none, or it was revoked.
            StateBusy: it is refused, but the disk says so only when another program lets go of the database.
        """
        self.get(client_id)
        del self._clients[client_id]
        self._tokens = {digest: owner for digest, owner in self._tokens.items() if owner != client_id}
        self._sessions = {
            digest: held for digest, held in self._sessions.items() if client_id not in {held.client, held.granted_by}
        }
        try:
            await self._changes.finish(self._delete(client_id, patient=False))
        except StateBusy:
            self._changes.start(self._delete_later(client_id))  # or the next daemon would know it again
            raise

    async def _delete_later(self, client_id: str) -> None:
        try:
            await self._delete(client_id, patient=True)
        except (MienError, sqlite3.Error) as error:
            log.error("a revoked client is still on the disk: %s", type(error).__name__)

    async def _delete(self, client_id: str, *, patient: bool) -> None:
        async with self._one_change:
            sql = "DELETE FROM clients WHERE id = ?"
            await self._database.forget(lambda db: db.execute(sql, (client_id,)), patient=patient)

    def is_active(self, client: Client) -> bool:
        """Whether the client has not been revoked."""
        return self.is_known(client.id)

    def is_known(self, client_id: str) -> bool:
        """Whether there is a client of this id that has not been revoked."""
        return client_id in self._clients

    def touch(self, client: Client) -> None:
        """Note when a client was last seen, at most once a minute; no request waits for the disk, or fails with it."""
        now = self._now()
        known = self._clients.get(client.id)
        if known is None or client.id == LOCAL.id or 0 <= now - (known.last_seen or 0) < TOUCH_EVERY_S:
            return
        self._clients[client.id] = replace(known, last_seen=now)
        self._changes.start(self._write_last_seen(client.id, now))

    async def _write_last_seen(self, client_id: str, now: float) -> None:
        sql = "UPDATE clients SET last_seen = ? WHERE id = ?"
        try:
            await self._database.write(lambda db: db.execute(sql, (now, client_id)))
        except (MienError, sqlite3.Error) as error:
            log.warning("when a client was last seen could not be written down: %s", type(error).__name__)

    async def _insert(self, client: Client, token_hash: bytes | None) -> None:
        row = (
            client.id,
            client.name,
            " ".join(sorted(client.scopes)),
            token_hash,
            client.origin,
            client.pairing_key,
            client.created_at,
        )
        sql = """INSERT INTO clients (id, name, scopes, token_hash, origin, pairing_key, created_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?)"""
        async with self._one_change:
            await self._database.write(lambda db: db.execute(sql, row))
            self._remember(client, token_hash)

    def _remember(self, client: Client, token_hash: bytes | None) -> None:
        self._clients[client.id] = client
        if token_hash is not None:
            self._tokens[bytes(token_hash)] = client.id


def _read_client(row: sqlite3.Row) -> Client:
    known = set(str(row["scopes"]).split())
    return Client(
        row["id"],
        row["name"],
        frozenset(scope for scope in STORED if scope in known),
        row["origin"],
        row["pairing_key"],
        row["created_at"],
        row["last_seen"],
    )
