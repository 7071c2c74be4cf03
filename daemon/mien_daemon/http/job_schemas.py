"""What is asked and answered about jobs and groups of jobs that there are."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from mien_daemon.http.new_job_schemas import Label
from mien_daemon.http.schemas import JOB_ID, Answer, Body, GroupName, Problem
from mien_daemon.jobs.job import STATES
from mien_daemon.jobs.job import State as JobState

STATE = f"({'|'.join(STATES)})"
LIST_OF_STATES = f"^({STATE}(,{STATE})*)?$"
MOST_NAMED = 1000  # jobs in a request: with their quotes 27 kB, of the 64 kB that a page may send as it is left


class Steps(Answer):
    """So many of so many."""

    done: int
    total: int


class JobAnswer(Answer):
    id: str = Field(examples=[JOB_ID])
    kind: Literal["swap", "restore", "analyse"]
    state: JobState
    progress: float = Field(ge=0, le=1)
    stage: str | None
    eta_s: float | None
    frames: Steps | None = Field(description="The pictures of a clip that are done; null unless one is running.")
    segments: Steps | None = Field(
        description="The segments of a clip that are finished, which no crash takes back; `/preview` shows the newest."
    )
    attempts: int
    position: float | None = Field(
        description="Order in the queue within its priority, smaller is sooner; null once it began."
    )
    created_at: str
    started_at: str | None
    finished_at: str | None
    expires_at: str | None = Field(description="When the result will be deleted.")
    target: str
    reference: str | list[str] | None = Field(
        description="The person whose face is put in, as asked for; null where there are several, or none."
    )
    references: list[list[str]] = Field(
        description="The pictures of each person: one for every chosen face, or one each."
    )
    options: dict[str, Any]
    priority: Literal["interactive", "batch"]
    group: str | None = Field(description="The name that it shares with the jobs that belong to it.")
    label: Label | None = Field(description="What the person calls its pictures, where that was told.")
    starred: bool = Field(description="Its result stays until it is deleted or the star is taken away.")
    result: dict[str, Any] | None = Field(
        description="What `mien swap --json` prints, without paths. Each of `faces` has `identity`, `verdict`, "
        "`naturalness`, `faults`, `retried` and `warnings`. A clip's has `video` and `people`. "
        "An analysis has `people`, each with `spans` in seconds, `faults`, and `crop`: where its face is in the "
        "picture that is the result."
    )
    problem: Problem | None


class WaitingPlace(Answer):
    """The first waiting job of a group, and its place in the queue."""

    id: str
    priority: str
    position: float


class GroupAnswer(Answer):
    """How far the jobs of one name are."""

    group: str = Field(examples=["holidays"])
    total: int
    queued: int
    running: int
    done: int
    failed: int
    cancelled: int
    progress: float = Field(ge=0, le=1)
    next: WaitingPlace | None = Field(description="Of its jobs that wait, the one that begins first.")


class GroupList(Answer):
    groups: list[GroupAnswer]


class JobPage(Answer):
    jobs: list[JobAnswer]
    next: str | None = Field(description="The cursor of the next page.")


class JobQuery(Body):
    state: str | None = Field(
        None, json_schema_extra={"pattern": LIST_OF_STATES}, description="Only these states, separated by commas."
    )
    group: GroupName | None = Field(None, description="Only jobs of this group.")
    cursor: str | None = Field(None, pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=100)


class WaitQuery(Body):
    wait: float = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        description="Hold the answer for so many seconds, at most 20, until something changes.",
    )
    pace: float = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        description="Hold it so many seconds at least where only the progress changes; a new state is told at once.",
    )


class MoveJob(Body):
    """Where a waiting job goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"before": None}]})

    before: str | None = Field(description="The id of the job it goes before; null puts it at the end.")


class StarJob(Body):
    """Whether a result stays until it is deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"starred": True}]})

    starred: bool


class JobNames(Body):
    """Jobs by their ids."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"jobs": [JOB_ID]}]})

    jobs: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(max_length=MOST_NAMED)


class DeletedJobs(Answer):
    deleted: int
