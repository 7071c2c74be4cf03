"""One-time codes: how a page that was just opened comes to a session without a secret in an address that lasts."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from mien_api.errors import Unpaired
from mien_daemon.access.clients import Client, Clients, hashed

CODE_S = 60.0  # a browser that starts cold on a slow disk needs a good part of it
OUTSTANDING = 16  # beyond this the oldest code is forgotten
CONSOLE_SESSION_S = 12 * 3600.0  # a working day; the tab, the daemon and a revocation end it before that


@dataclass(frozen=True, slots=True)
class _Invitation:
    client: Client
    until: float


class Invitations:
    """Codes given out and not yet used, by the hash of their text; they live in memory for a minute."""

    def __init__(self, clients: Clients, clock: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._clock = clock
        self._open: dict[bytes, _Invitation] = {}

    def invite(self, client: Client) -> str:
        """A code for a page that may do what `client` may, and no more."""
        while len(self._open) >= OUTSTANDING:
            del self._open[next(iter(self._open))]
        code = secrets.token_urlsafe(24)
        self._open[hashed(code)] = _Invitation(client, self._clock() + CODE_S)
        return code

    def redeem(self, code: str, origin: str) -> tuple[Client, str]:
        """Who the page is now, and a bearer bound to `origin`.

        Raises:
            Unpaired: the code was used, is too old, never was, or whoever asked for it was revoked meanwhile.
        """
        invitation = self._open.pop(hashed(code), None)
        if invitation is None or self._clock() >= invitation.until:
            raise Unpaired("this code was used before or is too old")
        client = invitation.client
        if not self._clients.is_active(client):
            raise Unpaired("whoever asked for this code was revoked")
        return client, self._clients.open_session(client.id, CONSOLE_SESSION_S, origin)
