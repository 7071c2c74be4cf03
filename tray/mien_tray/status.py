"""What the tray knows at one moment: values, made from the daemon's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

NOTIFY = ("finished", "failed", "pairing", "downloads")


class Phase(StrEnum):
    """How the daemon is."""

    STARTING = "starting"
    RUNNING = "running"
    SILENT = "silent"  # it runs, as far as one can see, and does not answer
    STOPPED = "stopped"  # on purpose: nobody starts it again but the person
    WAITING = "waiting"  # it died; another start is due
    FAILED = "failed"  # it died too often


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the daemon is not there: a code with a string of its own, and what stands in its braces."""

    code: str
    fields: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Daemon:
    phase: Phase
    why: Reason | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job that runs or waits. `progress` is 0..1."""

    id: str
    kind: str
    running: bool
    progress: float = 0.0
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue; `state` is ready, missing, partial, quarantined or downloading."""

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
class Pairing:
    """The window that lets a browser in; `digits` once there is something to compare."""

    open: bool = False
    id: str | None = None
    name: str | None = None
    digits: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything the menu, the icon and its title are made of."""

    daemon: Daemon
    jobs: Sequence[Job] = ()
    queued: int = 0
    paused: bool = False
    loaded: bool = False
    degraded: bool = False
    models: Sequence[Model] = ()
    pairing: Pairing = Pairing()
    notify: Mapping[str, bool] = field(default_factory=lambda: dict.fromkeys(NOTIFY, True))
    at_login: bool | None = None
    """None where it cannot be set."""
    unseen_failures: int = 0
    message: str | None = None
    """What a notification would have said, where there is no service that shows them."""

    @property
    def running(self) -> Sequence[Job]:
        return [job for job in self.jobs if job.running]

    @property
    def downloading(self) -> Sequence[Model]:
        return [model for model in self.models if model.state == "downloading"]


def jobs_from(answer: Mapping[str, Any]) -> tuple[Job, ...]:
    """From `GET /v1/jobs?state=queued,running`, which has the newest first: those that run, then the next in turn."""
    oldest_first = [
        Job(job["id"], job["kind"], job["state"] == "running", job["progress"], job["eta_s"])
        for job in reversed(answer["jobs"])
    ]
    return tuple(sorted(oldest_first, key=lambda job: not job.running))


def pairing_from(answer: Mapping[str, Any]) -> Pairing:
    """From `GET /v1/pair/window`."""
    asked = answer["state"] == "shown"
    return Pairing(
        open=answer["seconds_left"] > 0 and answer["state"] != "approved",
        id=answer["id"] if asked else None,
        name=answer["name"] if asked else None,
        digits=answer["digits"] if asked else None,
    )


def notify_from(answer: Mapping[str, Any]) -> dict[str, bool]:
    """From `GET /v1/settings`."""
    values = {setting["name"]: setting["value"] for setting in answer["settings"]}
    return {name: bool(values[f"notify_{name}"]) for name in NOTIFY}


def models_from(answer: Mapping[str, Any]) -> tuple[Model, ...]:
    """From `GET /v1/models`: what is installed, and what is on its way."""
    downloads = {one["name"]: one for one in answer["transfers"] if one["action"] == "download"}
    return tuple(model_from(model, downloads.get(model["name"], {})) for model in answer["models"])


def model_from(model: Mapping[str, Any], download: Mapping[str, Any]) -> Model:
    under_way = download.get("state") in {"queued", "running"}
    return Model(
        name=model["name"],
        title=model["title"],
        state="downloading" if under_way else model["state"],
        size_bytes=download.get("total_bytes") or model["size"],
        done_bytes=download.get("done_bytes", 0),
        licence_to_read=model["licence_accepted"] is False,
    )
