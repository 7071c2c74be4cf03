"""One-time codes: a page that was just opened trades one for a session, so no lasting secret is in its address."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from mien_api.errors import Unpaired
from mien_daemon.access.clients import Client, ClientRegistry, hash_token
from mien_daemon.state.clock import running_s

CODE_S = 60.0  # a browser that starts cold on a slow disk needs a good part of it
OUTSTANDING = 16  # beyond this the oldest code is forgotten


@dataclass(frozen=True, slots=True)
class Grant:
    """Whom a page acts for, and the client that let it in, with which its right ends."""

    client: Client
    granted_by: str


@dataclass(frozen=True, slots=True)
class _IssuedCode:
    grant: Grant
    until: float


class OneTimeCodes:
    """Codes that were issued and not yet redeemed, by the hash of their text; in memory, for a minute."""

    def __init__(self, clients: ClientRegistry, clock: Callable[[], float] = running_s) -> None:
        self._clients = clients
        self._clock = clock
        self._issued: dict[bytes, _IssuedCode] = {}

    def issue(self, client: Client, granted_by: str | None = None) -> str:
        """A code for a page that may do what `client` may; the oldest is dropped if too many are waiting.

        `granted_by` is the client that lets the page in, if that is another one.
        """
        while len(self._issued) >= OUTSTANDING:
            del self._issued[next(iter(self._issued))]
        code = secrets.token_urlsafe(24)
        grant = Grant(client, granted_by or client.id)
        self._issued[hash_token(code)] = _IssuedCode(grant, self._clock() + CODE_S)
        return code

    def redeem(self, code: str) -> Grant:
        """What the code grants to the page that has it.

        Raises:
            Unpaired: the code is unknown, used or too old, or its client was revoked meanwhile.
        """
        issued = self._issued.pop(hash_token(code), None)
        if issued is None or self._clock() >= issued.until:
            raise Unpaired("this code was used before or is too old")
        grant = issued.grant
        if not self._clients.is_active(grant.client) or not self._clients.may_open_console(grant.granted_by):
            raise Unpaired("the client that asked for this code was revoked")
        return grant
