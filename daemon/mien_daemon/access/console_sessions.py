"""Sessions of the console: a one-time code opens the first; a key that cannot leave the browser opens the next ones.

The page makes a key pair whose private half the browser lets it use and not read, and leaves the public half here when
it redeems a code. Another tab, and the same tab after the daemon was started again, sign a fresh nonce with it. So no
disk holds anything that opens a session: neither this one nor the browser's. `daemon/decisions/0011` has the reasons.
"""

import asyncio
import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from mien_api.errors import StateBusy, Unpaired
from mien_core.errors import MienError
from mien_daemon.access import handshake
from mien_daemon.access.clients import CLOSE_S, LOCAL, TOUCH_EVERY_S, Client, ClientRegistry
from mien_daemon.access.one_time_codes import Grant
from mien_daemon.background import BackgroundTasks
from mien_daemon.state.clock import running_s
from mien_daemon.state.database import Database

log = logging.getLogger(__name__)

SESSION_S = 12 * 3600.0  # a working day; the daemon's end, a sign-out and a revocation end it before that
UNUSED_S = 30 * 86_400.0  # a browser that has not opened the page for so long is signed out
LONGEST_S = 180 * 86_400.0  # and every browser after so long
MOST_KEYS = 32  # beyond this the one that was unused for longest is signed out
ANSWER_S = 10.0  # between a nonce and its signature
HALF_OPEN = 64  # beyond this the oldest nonce is forgotten


@dataclass(frozen=True, slots=True)
class ConsoleKey:
    """A browser that is signed in to the console.

    Attributes:
        client: the id of the client that the page acts for.
        granted_by: the id of the client that let it in, and with which it is signed out.
        origin: the page's own; a daemon on another port is another page.
        name: what the browser calls itself.
        point: (65,) bytes, its public P-256 key.
        made_at: seconds of the state's clock, as `used_at`.
    """

    id: str
    client: str
    granted_by: str
    origin: str
    name: str
    point: bytes
    made_at: float
    used_at: float


class ConsoleSessions:
    """The keys of signed-in browsers, in memory and on the disk, and the nonces that wait for a signature."""

    def __init__(
        self, clients: ClientRegistry, database: Database, port: int, clock: Callable[[], float] = running_s
    ) -> None:
        """`clock` times the nonces; keys are dated by the database's clock."""
        self._clients = clients
        self._database = database
        self._port = port
        self._clock = clock
        self._keys: dict[str, ConsoleKey] = {}
        self._nonces: dict[bytes, float] = {}
        self._changes = BackgroundTasks()

    async def close(self) -> None:
        """Wait for deletions that are under way, and for a while for those that another program holds up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._changes.wait()

    async def load(self) -> None:
        """Read the keys from the database, after the clients; those that are dead are deleted."""
        sql = "SELECT rowid AS rowid, * FROM console_keys"
        for row in await self._database.read(lambda db: db.execute(sql).fetchall()):
            if self._database.is_readable("console_keys", row):
                key = _read_key(row)
                self._keys[key.id] = key
        if dead := self._dead():
            self._forget(dead)
            self._changes.start(self._delete_later(dead))

    def list_all(self) -> list[ConsoleKey]:
        """Every browser that is signed in, the one used last first."""
        alive = (key for key in self._keys.values() if self._is_alive(key))
        return sorted(alive, key=lambda key: key.used_at, reverse=True)

    async def open(
        self, grant: Grant, origin: str, point: bytes | None = None, name: str = ""
    ) -> tuple[str, str | None]:
        """A bearer for the page that redeemed a code, and the id of its key if it left one that could be kept.

        Raises:
            ValueError: `point` does not lie on the curve.
            Unpaired: who let the page in was revoked, or lost that right, while the key was kept.
        """
        key = None if point is None else await self._keep(grant, origin, point, name)
        if not (self._clients.is_active(grant.client) and self._clients.may_open_console(grant.granted_by)):
            if key is not None:
                await self.sign_out(key)
            raise Unpaired("what let this page in was revoked meanwhile")
        return self._open_session(grant.client.id, grant.granted_by, origin, key), key

    def challenge(self) -> bytes:
        """(32,) bytes that are signed once, within `ANSWER_S`."""
        while len(self._nonces) >= HALF_OPEN:
            del self._nonces[next(iter(self._nonces))]
        nonce = secrets.token_bytes(handshake.NONCE_BYTES)
        self._nonces[nonce] = self._clock() + ANSWER_S
        return nonce

    async def renew(self, key_id: str, nonce: bytes, signature: bytes, origin: str) -> tuple[Client, str]:
        """The client that the page acts for, and a bearer, for a signature under a key that is known.

        Raises:
            Unpaired: no such key, too old, signed out, the nonce is not ours or was used, or the signature is wrong.
        """
        until = self._nonces.pop(nonce, None)
        if until is None or self._clock() >= until:
            raise Unpaired("this nonce was used before or is too old")
        key = self._keys.get(key_id)
        if key is None or key.origin != origin or not self._is_alive(key):
            raise Unpaired("this browser is signed out")
        if not handshake.is_console_signature(key.point, key.id, self._port, nonce, signature):
            raise Unpaired("the signature is wrong")
        await self._touch(key)
        if key_id not in self._keys or not self._is_alive(key):
            raise Unpaired("this browser was signed out meanwhile")
        client = LOCAL if key.client == LOCAL.id else self._clients.get(key.client)
        return client, self._open_session(key.client, key.granted_by, origin, key_id)

    async def sign_out(self, *key_ids: str) -> None:
        """Forget browsers' keys and end their sessions, even before the database is written.

        Raises:
            StateBusy: they are out, but the disk says so only when another program lets go of the database.
        """
        self._forget(key_ids)
        try:
            await self._changes.finish(self._delete(key_ids, patient=False))
        except StateBusy:
            self._changes.start(self._delete_later(key_ids))  # or the next daemon would know them again
            raise

    async def forget_granted(self, client_id: str) -> None:
        """Sign out every browser that this client let in, or that acts for it. Raises as `sign_out`."""
        granted = [key.id for key in self._keys.values() if client_id in {key.client, key.granted_by}]
        if granted:
            await self.sign_out(*granted)

    def _forget(self, key_ids: Iterable[str]) -> None:
        for key_id in key_ids:
            self._keys.pop(key_id, None)
            self._clients.end_sessions(key_id)

    async def _delete_later(self, key_ids: Iterable[str]) -> None:
        try:
            await self._delete(key_ids, patient=True)
        except (MienError, sqlite3.Error) as error:
            log.error("a browser that was signed out is still on the disk: %s", type(error).__name__)

    async def _delete(self, key_ids: Iterable[str], *, patient: bool) -> None:
        sql, rows = "DELETE FROM console_keys WHERE id = ?", [(key_id,) for key_id in key_ids]
        await self._database.forget(lambda db: db.executemany(sql, rows), patient=patient)

    def _dead(self) -> list[str]:
        return [key.id for key in self._keys.values() if not self._is_alive(key)]

    def _open_session(self, client: str, granted_by: str, origin: str, key: str | None) -> str:
        return self._clients.open_session(client, SESSION_S, origin, granted_by, key)

    def _is_alive(self, key: ConsoleKey) -> bool:
        now = self._database.clock.now()
        in_time = now < key.used_at + UNUSED_S and now < key.made_at + LONGEST_S
        return in_time and self._clients.is_known(key.client) and self._clients.may_open_console(key.granted_by)

    async def _keep(self, grant: Grant, origin: str, point: bytes, name: str) -> str | None:
        """Keep a key; one that a full or locked disk refuses costs the next tab a code, and this one nothing."""
        handshake.require_point(point)
        now = self._database.clock.now()
        key_id = hashlib.sha256(point).hexdigest()[:32]
        key = ConsoleKey(key_id, grant.client.id, grant.granted_by, origin, name, point, now, now)
        try:
            await self._forget_oldest()
            await self._store(key)
        except (MienError, sqlite3.Error) as error:
            log.warning("a browser that signed in will have to again: %s", type(error).__name__)
            return None
        self._keys[key_id] = key
        return key_id

    async def _forget_oldest(self) -> None:
        if over := [*self._dead(), *(key.id for key in self.list_all()[MOST_KEYS - 1 :])]:
            await self.sign_out(*over)

    async def _touch(self, key: ConsoleKey) -> None:
        """Note that a key was used, at most once a minute; no page is turned away because the disk is full."""
        now = self._database.clock.now()
        if 0 <= now - key.used_at < TOUCH_EVERY_S:
            return
        self._keys[key.id] = replace(key, used_at=now)
        sql = "UPDATE console_keys SET used_at = ? WHERE id = ?"
        try:
            await self._database.write(lambda db: db.execute(sql, (now, key.id)))
        except (MienError, sqlite3.Error) as error:
            log.warning("when a browser opened the page could not be written down: %s", type(error).__name__)

    async def _store(self, key: ConsoleKey) -> None:
        sql = "INSERT OR REPLACE INTO console_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        row = (key.id, key.client, key.granted_by, key.origin, key.name, key.point, key.made_at, key.used_at)
        await self._database.write(lambda db: db.execute(sql, row))


def _read_key(row: sqlite3.Row) -> ConsoleKey:
    return ConsoleKey(
        row["id"],
        row["client"],
        row["granted_by"],
        row["origin"],
        row["name"],
        row["point"],
        row["made_at"],
        row["used_at"],
    )
