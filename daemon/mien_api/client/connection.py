"""One request and its answer over HTTP."""

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from mien_api import runtime_file
from mien_api.problems import error_for
from mien_api.state_folder import find_state_folder
from mien_core.errors import DaemonUnreachable, MienError

ADDRESS = "127.0.0.1"
TIMEOUT_S = 60.0  # the daemon holds a poll for 20 s at most
PIECE_BYTES = 1 << 20
AS_BYTES = {"Content-Type": "application/octet-stream"}
AS_JSON = {"Content-Type": "application/json"}

Document = dict[str, Any]
Body = bytes | BinaryIO | None


@dataclass(frozen=True, slots=True)
class Address:
    """A daemon that runs: its port and a token that it takes.

    Attributes:
        port: on 127.0.0.1.
        token: from `mien token create`, or the one in `daemon.json`.
        timeout_s: how long an answer may take.
    """

    port: int
    token: str
    timeout_s: float = TIMEOUT_S

    @classmethod
    def discover(cls, state_dir: str | Path | None = None) -> Self | None:
        """The daemon of this user on this state folder, or None when none runs."""
        found = runtime_file.read(find_state_folder(state_dir))
        return cls(found.port, found.token) if found else None

    @classmethod
    def running(cls, state_dir: str | Path | None = None) -> Self:
        """The daemon of this user.

        Raises:
            DaemonUnreachable: none runs.
        """
        found = cls.discover(state_dir)
        if found is None:
            raise DaemonUnreachable("no daemon is running; start it with `mien serve`", command="mien serve")
        return found

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}


class Connection(Address):
    """Requests that wait for their answers."""

    __slots__ = ()

    def request(self, method: str, path: str, document: Mapping[str, object] | None = None) -> Document:
        """One request with a JSON answer; {} where there is nothing to say.

        Raises:
            DaemonUnreachable: no daemon answers.
            MienError: what the daemon refused, as its own class.
        """
        body = None if document is None else json.dumps(document).encode()
        return read_document(self._send(method, path, body, AS_JSON if body is not None else {})[0])

    def _send(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> tuple[bytes, str]:
        """The body and the ETag of an answer; an empty body where nothing is new."""
        with closing(self._connect()) as connection:
            response = self._begin(connection, method, path, body, self._headers(headers))
            try:
                return response.read(), response.headers.get("ETag", "")
            except (OSError, http.client.HTTPException) as error:
                raise gone_away(self.port) from error

    def _begin(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Body,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        """Send, and raise what was refused."""
        try:
            connection.request(method, path, body, headers)
        except BrokenPipeError:
            pass  # refused before all was sent; the answer says why
        except OSError as error:
            raise no_answer(self.port) from error
        try:
            response = connection.getresponse()
            if response.status < 400:
                return response
            refusal = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise no_answer(self.port) from error
        raise read_refusal(refusal, response.status)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(ADDRESS, self.port, timeout=self.timeout_s)


def read_document(data: bytes) -> Document:
    return cast("Document", json.loads(data)) if data else {}


def read_refusal(body: bytes, status: int) -> MienError:
    """The error in an answer; one in words for an answer that has no problem document."""
    try:
        document: object = json.loads(body)
    except ValueError:
        document = None
    known = isinstance(document, dict)
    return error_for(cast("Mapping[str, object]", document) if known else {"detail": f"status {status}"})


def no_answer(port: int) -> DaemonUnreachable:
    return DaemonUnreachable("the daemon does not answer", port=port)


def gone_away(port: int) -> DaemonUnreachable:
    return DaemonUnreachable("the daemon went away while it answered", port=port)
