"""The daemon is asked again only for what an event may have changed, and for all of it where that is not known."""

from collections.abc import Mapping
from typing import Any

import pytest

from mien_api.client import DaemonUnreachable, MienError
from mien_daemon.jobs.label import JobLabel
from mien_testing.done_jobs import describe_done
from mien_tray.daemon_cache import PATHS, STALE_AFTER, DaemonCache
from mien_tray.status import NOTIFY, DaemonState, Phase

ANSWERS: dict[str, dict[str, Any]] = {
    "/v1/health": {"queue": {"queued": 2, "paused": True}, "worker": {"pid": 7}, "degraded": False},
    "/v1/jobs?state=queued,running": {"jobs": []},
    "/v1/jobs?state=done&limit=20": {"jobs": [describe_done("a1", label=JobLabel("holiday.jpg", ("Eileen.png",)))]},
    "/v1/references": {"references": [{"id": "f1", "name": "Eileen"}]},
    "/v1/models": {"models": [], "transfers": []},
    "/v1/pair/window": {"seconds_left": 0, "state": None},
    "/v1/settings": {"settings": [{"name": f"notify_{name}", "value": name != "failed"} for name in NOTIFY]},
}


class FakeDaemon:
    """Answers every path, until it fails."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_at: str | None = None
        self.error: MienError = DaemonUnreachable("it does not answer")

    def request(self, method: str, path: str, document: Mapping[str, object] | None = None) -> dict[str, Any]:
        if path == self.fails_at:
            raise self.error
        self.asked.append(path)
        return ANSWERS[path]

    def asked_since(self) -> set[str]:
        found, self.asked = set(self.asked), []
        return found


def test_everything_is_asked_once_and_then_nothing() -> None:
    cache, daemon = DaemonCache(), FakeDaemon()
    cache.refresh(daemon)
    assert daemon.asked_since() == set(PATHS.values())
    cache.refresh(daemon)
    assert daemon.asked_since() == set()


@pytest.mark.parametrize(("kind", "parts"), STALE_AFTER.items())
def test_an_event_has_only_what_it_changes_asked_again(kind: str, parts: set[str]) -> None:
    cache, daemon = DaemonCache(), FakeDaemon()
    cache.refresh(daemon)
    daemon.asked_since()
    cache.mark_stale(kind, {"state": "running"})
    cache.refresh(daemon)
    assert daemon.asked_since() == {PATHS[part] for part in parts} != set()


def test_an_event_of_the_future_has_everything_asked_again() -> None:
    cache, daemon = DaemonCache(), FakeDaemon()
    cache.refresh(daemon)
    daemon.asked_since()
    cache.mark_stale("of-the-future", {})
    cache.refresh(daemon)
    assert daemon.asked_since() == set(PATHS.values())


def test_what_was_not_answered_is_asked_again() -> None:
    cache, daemon = DaemonCache(), FakeDaemon()
    daemon.fails_at = PATHS["models"]
    with pytest.raises(DaemonUnreachable):
        cache.refresh(daemon)
    answered = daemon.asked_since()
    daemon.fails_at = None
    cache.refresh(daemon)
    assert daemon.asked_since() == set(PATHS.values()) - answered


def test_the_status_is_what_the_answers_say() -> None:
    cache = DaemonCache()
    cache.refresh(FakeDaemon())
    status = cache.build_status(DaemonState(Phase.RUNNING), True, 3, "message")
    assert (status.queued, status.paused, status.loaded, status.degraded) == (2, True, True, False)
    assert status.notify == {name: name != "failed" for name in NOTIFY}
    assert (status.at_login, status.unseen_failures, status.message) == (True, 3, "message")


def test_a_new_job_has_the_people_asked_for_again() -> None:
    """It may be for a person who was just added."""
    cache, daemon = DaemonCache(), FakeDaemon()
    cache.refresh(daemon)
    daemon.asked_since()
    cache.mark_stale("job", {"state": "queued"})
    cache.refresh(daemon)
    assert daemon.asked_since() == {PATHS["people"], *(PATHS[part] for part in STALE_AFTER["job"])}


def test_a_library_that_could_not_be_opened_for_a_moment_keeps_its_names() -> None:
    cache, daemon = DaemonCache(), FakeDaemon()
    cache.refresh(daemon)
    daemon.fails_at, daemon.error = PATHS["people"], MienError("its key is not to be had")
    cache.mark_all_stale()
    cache.refresh(daemon)
    assert cache.people == {"ref:f1": "Eileen"}


def test_a_library_that_never_opened_hides_names_and_nothing_else() -> None:
    cache, daemon = DaemonCache(), FakeDaemon()
    daemon.fails_at, daemon.error = PATHS["people"], MienError("its key is gone")
    cache.refresh(daemon)
    assert cache.people == {}
    assert cache.build_status(DaemonState(Phase.RUNNING), True, 0, None).queued == 2
