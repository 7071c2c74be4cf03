"""What the tray shows, as values read from the daemon's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from mien_api.job_name import name_job

NOTIFY = ("finished", "failed", "pairing", "downloads")
RESULTS = 3
"""So many of the last results are in the menu."""


class Phase(StrEnum):
    """The daemon's state, as the tray sees it."""

    STARTING = "starting"
    RUNNING = "running"
    SILENT = "silent"  # its process runs and does not answer
    STOPPED = "stopped"  # on purpose: only the person starts it again
    WAITING = "waiting"  # it died; another start is due
    FAILED = "failed"  # it died too often


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the daemon does not run: a code, which has a string of its own, and the values for its braces."""

    code: str
    fields: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class DaemonState:
    phase: Phase
    why: Reason | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job that runs or waits, as the menu shows it.

    `progress` is 0..1, `frames` (done, all) of a running clip, `label` what a person calls the job.
    """

    id: str
    kind: str
    running: bool
    progress: float = 0.0
    eta_s: float | None = None
    frames: tuple[int, int] | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class ResultSummary:
    """A result that can be shown. `finished_at` is local time, as `label` is what a person calls it."""

    id: str
    kind: str
    finished_at: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model of the catalogue; `state` is ready, unverified, missing, partial, quarantined or downloading."""

    name: str
    title: str
    state: str
    size_bytes: int = 0
    done_bytes: int = 0
    licence_to_read: bool = False

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done_bytes // self.size_bytes) if self.size_bytes else 0


@dataclass(frozen=True, slots=True)
class PairingSummary:
    """The pairing window; `digits` are set once a browser shows the same ones."""

    open: bool = False
    id: str | None = None
    name: str | None = None
    digits: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything the menu, the icon and its title are made of."""

    daemon: DaemonState
    jobs: Sequence[JobSummary] = ()
    queued: int = 0
    paused: bool = False
    loaded: bool = False
    degraded: bool = False
    models: Sequence[ModelSummary] = ()
    pairing: PairingSummary = PairingSummary()
    results: Sequence[ResultSummary] = ()
    version: str = ""
    notify: Mapping[str, bool] = field(default_factory=lambda: dict.fromkeys(NOTIFY, True))
    at_login: bool | None = None
    """None where it cannot be set."""
    unseen_failures: int = 0
    message: str | None = None
    """What a notification would have said, where there is no service that shows them."""

    @property
    def running(self) -> Sequence[JobSummary]:
        return [job for job in self.jobs if job.running]

    @property
    def downloading(self) -> Sequence[ModelSummary]:
        return [model for model in self.models if model.state == "downloading"]


def read_frames(job: Mapping[str, Any]) -> tuple[int, int] | None:
    """How many frames of a running clip are done, of how many; a daemon of an older version does not say."""
    frames = job.get("frames")
    return (frames["done"], frames["total"]) if frames else None


def read_jobs(answer: Mapping[str, Any], people: Mapping[str, str]) -> tuple[JobSummary, ...]:
    """From `GET /v1/jobs?state=queued,running`, which has the newest first: those that run, then the next in turn."""
    oldest_first = [read_job(job, people) for job in reversed(answer["jobs"])]
    return tuple(sorted(oldest_first, key=lambda job: not job.running))


def read_job(job: Mapping[str, Any], people: Mapping[str, str]) -> JobSummary:
    return JobSummary(
        job["id"],
        job["kind"],
        job["state"] == "running",
        job["progress"],
        job["eta_s"],
        read_frames(job),
        name_job(job, people),
    )


def read_results(answer: Mapping[str, Any], people: Mapping[str, str]) -> tuple[ResultSummary, ...]:
    """The last three from `GET /v1/jobs?state=done`, which has the newest first."""
    kept = [job for job in answer["jobs"] if has_result(job)]
    return tuple(
        ResultSummary(job["id"], job["kind"], to_local_time(job["finished_at"]), name_job(job, people))
        for job in kept[:RESULTS]
    )


def read_people(answer: Mapping[str, Any]) -> dict[str, str]:
    """From `GET /v1/references`: how a job names a person of the library → what the library calls that person."""
    return {f"ref:{each['id']}": str(each["name"]) for each in answer["references"]}


def has_result(job: Mapping[str, Any]) -> bool:
    """Whether what a job made is still there. A look at a clip makes nothing: it was a question."""
    if job["kind"] == "analyse":
        return False
    return job["starred"] or datetime.fromisoformat(job["expires_at"]) > datetime.now(UTC)


def to_local_time(moment: str) -> str:
    """HH:MM here, of an RFC 3339 date."""
    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M")


def read_pairing(answer: Mapping[str, Any]) -> PairingSummary:
    """From `GET /v1/pair/window`."""
    asked = answer["state"] == "shown"
    return PairingSummary(
        open=answer["seconds_left"] > 0 and answer["state"] != "approved",
        id=answer["id"] if asked else None,
        name=answer["name"] if asked else None,
        digits=answer["digits"] if asked else None,
    )


def read_notify(answer: Mapping[str, Any]) -> dict[str, bool]:
    """From `GET /v1/settings`."""
    values = {setting["name"]: setting["value"] for setting in answer["settings"]}
    return {name: bool(values[f"notify_{name}"]) for name in NOTIFY}


def read_models(answer: Mapping[str, Any]) -> tuple[ModelSummary, ...]:
    """From `GET /v1/models`: what is installed, and what is on its way."""
    downloads = {one["name"]: one for one in answer["transfers"] if one["action"] == "download"}
    return tuple(read_model(model, downloads.get(model["name"], {})) for model in answer["models"])


def read_model(model: Mapping[str, Any], download: Mapping[str, Any]) -> ModelSummary:
    under_way = download.get("state") in {"queued", "running"}
    return ModelSummary(
        name=model["name"],
        title=model["title"],
        state="downloading" if under_way else model["state"],
        size_bytes=download.get("total_bytes") or model["size"],
        done_bytes=download.get("done_bytes", 0),
        licence_to_read=model["licence_accepted"] is False,
    )
