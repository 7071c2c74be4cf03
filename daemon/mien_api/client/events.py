"""What happens, as it happens: server-sent events."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from mien_api.client.connection import Connection, Document


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; come back with its `id` to miss none."""

    id: str
    kind: str
    data: Document


class Events(Connection):
    """The stream of changes."""

    __slots__ = ()

    def events(self, last_id: str | None = None) -> Iterator[Event]:
        """What happens, until the daemon or the connection ends; raises as `request` does."""
        with closing(self._connect()) as connection:
            headers = self._headers({"Last-Event-ID": last_id} if last_id else {})
            response = self._begin(connection, "GET", "/v1/events", None, headers)
            fields: dict[str, str] = {}
            while line := read_line(response):
                name, _, value = line.rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    yield Event(fields.get("id", ""), fields["event"], json.loads(fields.get("data", "{}")))
                    fields = {}


def read_line(response: http.client.HTTPResponse) -> str:
    """The next line; empty at the end, however it came."""
    try:
        return response.readline().decode()
    except (OSError, http.client.HTTPException):
        return ""
