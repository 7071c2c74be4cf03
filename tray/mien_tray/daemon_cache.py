"""The daemon's answers; only those that may have changed are asked for again."""

from collections.abc import Mapping
from typing import Any, Protocol

from mien_api.client import DaemonUnreachable, MienError
from mien_tray.status import (
    DaemonState,
    Status,
    read_jobs,
    read_models,
    read_notify,
    read_pairing,
    read_people,
    read_results,
)

PATHS = {
    "health": "/v1/health",
    "jobs": "/v1/jobs?state=queued,running",
    "results": "/v1/jobs?state=done&limit=20",
    "people": "/v1/references",
    "models": "/v1/models",
    "pairing": "/v1/pair/window",
    "settings": "/v1/settings",
}
STALE_AFTER = {
    "job": {"health", "jobs", "results"},
    "job-deleted": {"health", "jobs", "results"},
    "queue": {"health", "jobs"},
    "worker": {"health"},
    "pairing": {"pairing"},
    "download": {"models"},
}


NOBODY: Mapping[str, Any] = {"references": []}


class DaemonApi(Protocol):
    """The part of `DaemonClient` that is used here."""

    def request(self, method: str, path: str, document: Mapping[str, object] | None = None) -> dict[str, Any]: ...


class DaemonCache:
    """The last answer from each path, and which of them are stale."""

    def __init__(self) -> None:
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._stale = set(PATHS)

    def mark_stale(self, kind: str, data: Mapping[str, Any]) -> None:
        """Mark what an event of this kind changes; an unknown kind may change everything.

        No event tells of the library. A job that is new may name a person who is, too; one that goes on does not.
        """
        self._stale |= STALE_AFTER.get(kind, set(PATHS))
        if kind == "job" and data.get("state") == "queued":
            self._stale.add("people")

    def mark_all_stale(self) -> None:
        self._stale = set(PATHS)

    def refresh(self, daemon: DaemonApi) -> None:
        """Ask for every stale answer; raises as the client does, and what was not read stays stale."""
        for part in sorted(self._stale):
            known = self._answers.get(part, NOBODY)
            self._answers[part] = (
                ask_for_people(daemon, known) if part == "people" else daemon.request("GET", PATHS[part])
            )
            self._stale.discard(part)

    @property
    def people(self) -> Mapping[str, str]:
        """What the library calls those whose faces are in it."""
        return read_people(self._answers.get("people", NOBODY))

    def build_status(
        self, daemon: DaemonState, at_login: bool | None, unseen_failures: int, message: str | None
    ) -> Status:
        """The status of a daemon that runs."""
        health = self._answers["health"]
        return Status(
            daemon,
            jobs=read_jobs(self._answers["jobs"], self.people),
            queued=health["queue"]["queued"],
            paused=health["queue"]["paused"],
            loaded=health["worker"]["pid"] is not None,
            degraded=health["degraded"],
            models=read_models(self._answers["models"]),
            pairing=read_pairing(self._answers["pairing"]),
            results=read_results(self._answers["results"], self.people),
            version=str(health.get("version", "")),
            notify=read_notify(self._answers["settings"]),
            at_login=at_login,
            unseen_failures=unseen_failures,
            message=message,
        )


def ask_for_people(daemon: DaemonApi, known: Mapping[str, Any]) -> Mapping[str, Any]:
    """The people of the library; while it cannot be opened, those who are `known`."""
    try:
        return daemon.request("GET", PATHS["people"])
    except DaemonUnreachable:
        raise
    except MienError:
        return known
