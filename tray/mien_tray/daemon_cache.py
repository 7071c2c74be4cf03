"""What the daemon has told so far, read again only where it has changed."""

from collections.abc import Mapping
from typing import Any, Protocol

from mien_tray.status import Daemon, Status, jobs_from, models_from, notify_from, pairing_from

PATHS = {
    "health": "/v1/health",
    "jobs": "/v1/jobs?state=queued,running",
    "models": "/v1/models",
    "pairing": "/v1/pair/window",
    "settings": "/v1/settings",
}
TOUCHED = {
    "job": {"health", "jobs"},
    "job-deleted": {"health", "jobs"},
    "queue": {"health", "jobs"},
    "worker": {"health"},
    "pairing": {"pairing"},
    "download": {"models"},
}


class Asks(Protocol):
    """A daemon that answers."""

    def request(self, method: str, path: str, document: Mapping[str, object] | None = None) -> dict[str, Any]: ...


class Knowledge:
    """The last answer to each question, and which of them are old."""

    def __init__(self) -> None:
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._old = set(PATHS)

    def heard(self, kind: str) -> None:
        """An event of this kind came; one that is not known may mean anything."""
        self._old |= TOUCHED.get(kind, set(PATHS))

    def forget(self) -> None:
        self._old = set(PATHS)

    def refresh(self, daemon: Asks) -> None:
        """Ask again what is old; raises as the client does, and then it stays old."""
        for part in sorted(self._old):
            self._answers[part] = daemon.request("GET", PATHS[part])
            self._old.discard(part)

    def status(self, daemon: Daemon, at_login: bool | None, unseen_failures: int, message: str | None) -> Status:
        """All that is known of a daemon that runs."""
        health = self._answers["health"]
        return Status(
            daemon,
            jobs=jobs_from(self._answers["jobs"]),
            queued=health["queue"]["queued"],
            paused=health["queue"]["paused"],
            loaded=health["worker"]["pid"] is not None,
            degraded=health["degraded"],
            models=models_from(self._answers["models"]),
            pairing=pairing_from(self._answers["pairing"]),
            notify=notify_from(self._answers["settings"]),
            at_login=at_login,
            unseen_failures=unseen_failures,
            message=message,
        )
