"""A job: what was asked, how far it is, what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum
from itertools import chain
from typing import Literal, get_args

from mien_daemon.jobs.label import JobLabel

Kind = Literal["swap", "restore", "analyse"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
FINISHED: frozenset[State] = frozenset({"done", "failed", "cancelled"})


class Priority(IntEnum):
    """A person who waits goes before a batch that does not."""

    interactive = 0
    batch = 1


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as it was asked for.

    Attributes:
        target: "sha256:…".
        references: one person for all chosen faces or one each; none for a restore or an analysis. A person is one or
            several pictures, each "sha256:…" or "ref:ID".
        options: the checked options as their own JSON, without `priority`, and those that only a clip takes, as they
            came; `faces` may name pictures too. The worker makes the value of it again: a row may outlive the engine
            that it names.
        group: the name that it shares with the jobs that belong to it; None for a job of its own.
        label: what the person calls its pictures; None where that was not told.
    """

    kind: Kind
    target: str
    references: Sequence[Sequence[str]]
    options: Mapping[str, object]
    priority: Priority = Priority.interactive
    group: str | None = None
    label: JobLabel | None = None

    @property
    def likes(self) -> Sequence[str]:
        """The pictures by which `options.faces` names people, each once."""
        faces = self.options.get("faces")
        like = faces.get("like") if isinstance(faces, dict) else None
        names = [like] if isinstance(like, str) else like if isinstance(like, list | tuple) else ()
        return list(dict.fromkeys(str(name) for name in names))

    @property
    def pictures(self) -> Sequence[str]:
        """The hex digests of every picture it names."""
        names = (self.target, *chain.from_iterable(self.references), *self.likes)
        return [name.removeprefix("sha256:") for name in names if name.startswith("sha256:")]


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the store.

    Attributes:
        number: order of arrival, for paging.
        position: order in the queue within a priority; smaller is sooner.
        attempts: how often work on it began and was not lost with the daemon itself.
        *_at: seconds since the epoch.
        is_starred: its result stays until a person deletes it or takes the star away.
    """

    number: int
    id: str
    owner: str
    ask: JobRequest
    state: State
    position: float
    attempts: int
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    result: Mapping[str, object] | None = None
    media_type: str | None = None
    result_sha256: str | None = None
    problem: Mapping[str, object] | None = None
    is_starred: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in FINISHED

    @property
    def leaves_work(self) -> bool:
        """Whether the finished part of a clip is kept when the job is over, for a retry or for a swap of that clip."""
        return self.state == "cancelled" or (self.state == "done" and self.ask.kind == "analyse")

    def start_over(self, position: float) -> "Job":
        """The same job, waiting again as if it had never begun."""
        return replace(
            self,
            state="queued",
            position=position,
            attempts=0,
            started_at=None,
            finished_at=None,
            expires_at=None,
            problem=None,
        )


@dataclass(frozen=True, slots=True)
class JobGroup:
    """The jobs of one name: how many are in which state.

    Attributes:
        begun_at: when its first job was posted, seconds since the epoch.
    """

    name: str
    counts: Mapping[State, int]
    begun_at: float

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def describe(self, progress_of_running: float, first: Job | None) -> dict[str, object]:
        """The group as the API shows it.

        Args:
            progress_of_running: the sum of what its running jobs have behind them, each 0..1.
            first: of its jobs that wait, the one that will begin first.
        """
        place = first and {"id": first.id, "priority": first.ask.priority.name, "position": first.position}
        over = sum(self.counts.get(state, 0) for state in FINISHED)
        return {
            "group": self.name,
            "total": self.total,
            **{state: self.counts.get(state, 0) for state in STATES},
            "progress": round((over + progress_of_running) / self.total, 3) if self.total else 1.0,
            "next": place,
        }


Steps = tuple[int, int]
"""So many of so many."""


@dataclass(slots=True)
class JobProgress:
    """How far a running job is; kept in memory, because a daemon that died begins the job again.

    `frames` and `segments` are those of a clip that are done.
    """

    fraction: float = 0.0
    stage: str | None = None
    eta_s: float | None = None
    frames: Steps | None = None
    segments: Steps | None = None
    published_at: float = field(default=0.0, repr=False)


def describe(
    job: Job, progress: JobProgress | None, dated: Callable[[float | None], float | None] = lambda moment: moment
) -> dict[str, object]:
    """The job as the API shows it; `dated` turns a time of the state's clock into one of the system's."""
    ask = job.ask
    return {
        "id": job.id,
        "kind": ask.kind,
        "state": job.state,
        "progress": round(1.0 if job.state == "done" else progress.fraction if progress else 0.0, 3),
        "stage": progress.stage if progress and job.state == "running" else None,
        "eta_s": progress.eta_s if progress and job.state == "running" else None,
        "frames": describe_steps(progress.frames) if progress and job.state == "running" else None,
        "segments": describe_steps(progress.segments) if progress and job.state == "running" else None,
        "attempts": job.attempts,
        "position": job.position if job.state == "queued" else None,
        "created_at": format_time(dated(job.created_at)),
        "started_at": format_time(dated(job.started_at)),
        "finished_at": format_time(dated(job.finished_at)),
        "expires_at": None if job.is_starred else format_time(dated(job.expires_at)),
        "target": ask.target,
        "reference": describe_person(ask.references[0]) if len(ask.references) == 1 else None,
        "references": [list(person) for person in ask.references],
        "options": dict(ask.options),
        "priority": ask.priority.name,
        "group": ask.group,
        "label": ask.label.describe() if ask.label else None,
        "starred": job.is_starred,
        "result": dict(job.result) if job.result is not None else None,
        "problem": dict(job.problem) if job.problem is not None else None,
    }


def describe_steps(steps: Steps | None) -> dict[str, int] | None:
    """What is done of what there is to do."""
    return None if steps is None else {"done": steps[0], "total": steps[1]}


def describe_person(pictures: Sequence[str]) -> str | list[str]:
    """A person as a client names one: the only picture, or the list of all."""
    return pictures[0] if len(pictures) == 1 else list(pictures)


def format_time(seconds: float | None) -> str | None:
    """RFC 3339 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
