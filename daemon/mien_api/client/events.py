"""What happens, as it happens: server-sent events."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from mien_api.client.connection import Connection, Document

EVENTS = "/v1/events"


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; come back with its `id` to miss none."""

    id: str
    kind: str
    data: Document


class EventLines:
    """Lines of a stream as they come; an empty one ends an event."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def take(self, line: str) -> Event | None:
        """The event that this line ends, if it ends one."""
        name, _, value = line.rstrip("\n").partition(": ")
        if name:
            self._fields[name] = value
            return None
        fields, self._fields = self._fields, {}
        if "event" not in fields:
            return None
        return Event(fields.get("id", ""), fields["event"], json.loads(fields.get("data", "{}")))


class Events(Connection):
    """The stream of changes."""

    __slots__ = ()

    def events(self, last_id: str | None = None) -> Iterator[Event]:
        """What happens, until the daemon or the connection ends; raises as `request` does."""
        with closing(self._connect()) as connection:
            response = self._begin(connection, "GET", EVENTS, None, self._headers(after(last_id)))
            lines = EventLines()
            while line := read_line(response):
                if (event := lines.take(line)) is not None:
                    yield event


def after(last_id: str | None) -> dict[str, str]:
    """The header that asks for what came after an event."""
    return {"Last-Event-ID": last_id} if last_id else {}


def read_line(response: http.client.HTTPResponse) -> str:
    """The next line; empty at the end, however it came."""
    try:
        return response.readline().decode()
    except (OSError, http.client.HTTPException):
        return ""
