"""The shapes of the API: what requests and answers carry, checked on the way in and described in the contract."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, create_model

from mien_daemon.access.clients import Scope
from mien_daemon.jobs.job import STATES
from mien_daemon.jobs.job import State as JobState
from mien_daemon.jobs.label import MOST_CHARACTERS
from mien_daemon.state.rows import GROUP
from mien_daemon.worker.supervisor import State as WorkerState
from mien_pipeline.clip_options import DEFAULT_QUALITY, Codec
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.options import MOST_PICTURES, RestoreOptions

DIGEST = "sha256:" + "0f" * 32
JOB_ID = "5f1e0c9d8b7a6f5e4d3c2b1a"
PICTURE = r"^sha256:[0-9a-f]{64}$"
REFERENCE = r"^(sha256:[0-9a-f]{64}|ref:[A-Za-z0-9_-]{1,64})$"
STATE = f"({'|'.join(STATES)})"
MOST_PEOPLE = 20
LIST_OF_STATES = f"^({STATE}(,{STATE})*)?$"
HEADERS = {"Idempotency-Key": r"^[\x21-\x7e]{1,255}$"}
"""The shape of a header, where it has one."""
NAME = r"^[^\x00-\x1f\x7f]+$"

Picture = Annotated[str, Field(pattern=PICTURE, description="The name of a picture that was sent before.")]
Reference = Annotated[
    str, Field(pattern=REFERENCE, description="A picture that was sent, or a reference of the library.")
]
Person = Annotated[
    list[Reference],
    Field(min_length=1, max_length=MOST_PICTURES, description="Pictures of one person; each sees what others hide."),
]
GroupName = Annotated[
    str,
    Field(
        pattern=f"^{GROUP.pattern}$",
        examples=["holidays"],
        description="The name that jobs share which belong together, such as those of a folder.",
    ),
]
PersonsName = Annotated[str, Field(min_length=1, max_length=60, pattern=NAME)]


class Body(BaseModel):
    """The body of a request; an unknown member is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Answer(BaseModel):
    """The body of an answer."""

    # Built when it is first used: all of them together are a tenth of a second of the start.
    model_config = ConfigDict(frozen=True, defer_build=True)


class Problem(Answer):
    """RFC 9457, with `code` for programs and further fields that name what to fix."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(examples=["urn:mien:problem:no-face-found"])
    title: str = Field(examples=["No face was found in a picture"])
    status: int = Field(examples=[422])
    code: str = Field(examples=["no-face-found"])
    detail: str | None = Field(None, examples=["the target shows no face"])


class Hello(Answer):
    name: Literal["mien"] = "mien"
    api: Literal[1] = 1


class QueueCounts(Answer):
    queued: int
    running: int
    paused: bool


class WorkerHealth(Answer):
    state: WorkerState
    pid: int | None
    device: str = Field(description="Where it computes.", examples=["cpu", "cuda:1"])
    engine: str | None = Field(description="The engine in its memory.")
    deaths: int = Field(description="In the last five minutes; three make the daemon degraded until they are over.")


class Limits(Answer):
    max_blob_bytes: int
    max_clip_bytes: int = Field(description="Of a clip; its first bytes say that it is one.")
    max_pixels: int
    max_queued: int


class Health(Answer):
    version: str
    device: str = Field(description="Where engines that can use an accelerator run: cuda, rocm, mps, xpu or cpu.")
    engine: str | None = Field(description="The engine in that worker's memory.")
    queue: QueueCounts
    worker: WorkerHealth = Field(description="The one that tells most; degraded only when all are.")
    workers: list[WorkerHealth] = Field(description="One a device.")
    limits: Limits
    degraded: bool = Field(description="Jobs wait: every worker died too often.")
    notices: list[str] = Field(
        description="What a person should know, such as a damaged database that was moved aside."
    )


class BlobTaken(Answer):
    blob: str = Field(examples=[DIGEST])
    size: int = Field(description="Bytes.")


class QueueOptions(BaseModel):
    """The option that is the queue's own."""

    priority: Literal["interactive", "batch"] = Field(
        "interactive", description="A person who waits goes before a batch that does not."
    )


class PartOptions(QueueOptions):
    """Which part of a clip is meant."""

    begin: float | None = Field(None, ge=0, alias="from", description="Where the part of a clip begins, in seconds.")
    end: float | None = Field(None, gt=0, alias="to", description="Where it ends.")


class ClipSwapOptions(PartOptions):
    """The options that a swap has beside its engine's; all but `priority` are for clips."""

    encoder: Literal["auto"] | Codec = Field(
        "auto", description="The result's codec: the clip's own where this machine's system or card encodes it, or AV1."
    )
    quality: int = Field(DEFAULT_QUALITY, ge=1, le=100, description="Of a clip's pictures; more takes more bytes.")


@dataclass(frozen=True, slots=True)
class DocumentedAs:
    """What the contract says of a job's options; they are checked by a model when it is known which one."""

    models: tuple[type[BaseModel], ...]
    more: type[BaseModel]

    def __get_pydantic_json_schema__(self, _schema: object, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        queued = [
            create_model(model.__name__, __base__=(model, self.more), __doc__=model.__doc__)
            if model is not self.more
            else model
            for model in self.models
        ]
        first, *others = (handler(model.__pydantic_core_schema__) for model in queued)
        named = [{**schema, "required": ["engine"]} for schema in others]  # the first is the default engine's
        return {"anyOf": [first, *named]}


PictureName = Annotated[
    str, Field(max_length=MOST_CHARACTERS, examples=["holiday.jpg"], description="What a person calls a picture.")
]


class Label(Body):
    """What a person calls the pictures of a job; of a path only the last part is kept. It is deleted with the job."""

    target: PictureName | None = None
    references: list[PictureName | None] = Field(
        default_factory=list[str | None],
        max_length=MOST_PEOPLE,
        description="A name for each person, in order; null for people of the library, whose names are kept there.",
    )


class NewSwap(Body):
    """Put a reference face into a target image, or into a clip: the target's bytes decide."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "swap", "target": DIGEST, "reference": DIGEST, "options": {"engine": "mesh"}},
                {"kind": "swap", "target": DIGEST, "reference": [DIGEST, "ref:0f1e2d3c4b5a6978"]},
                {
                    "kind": "swap",
                    "target": DIGEST,
                    "references": [[DIGEST], ["ref:0f1e2d3c4b5a6978"]],
                    "options": {"faces": [0, 2]},
                },
            ],
            "oneOf": [{"required": ["reference"]}, {"required": ["references"]}],
        }
    )

    kind: Literal["swap"]
    target: Picture
    reference: Reference | Person = Field(
        default_factory=list[str],
        description="One person for every chosen face: a picture, or a list of pictures of that person.",
    )
    references: Annotated[list[Person], Field(min_length=1, max_length=MOST_PEOPLE)] = Field(
        default_factory=list[list[str]],
        description="Instead of `reference`: one person for each chosen face, in the order of `options.faces`.",
    )
    options: Annotated[
        dict[str, Any], DocumentedAs(tuple(entry.options for entry in ENGINES.values()), ClipSwapOptions)
    ] = Field(default_factory=dict)
    group: GroupName | None = None
    label: Label | None = None


class NewRestore(Body):
    """Repair skin detail without changing the face."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "restore", "target": DIGEST, "options": {"amount": 0.5}}]}
    )

    kind: Literal["restore"]
    target: Picture
    options: Annotated[dict[str, Any], DocumentedAs((RestoreOptions,), QueueOptions)] = Field(default_factory=dict)
    group: GroupName | None = None
    label: Label | None = None


class NewAnalysis(Body):
    """Find the people of a clip; the result is a picture of their faces, so that a person can choose among them."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "analyse", "target": DIGEST, "options": {"from": 1.5, "to": 4}}]}
    )

    kind: Literal["analyse"]
    target: Picture
    options: Annotated[dict[str, Any], DocumentedAs((PartOptions,), PartOptions)] = Field(default_factory=dict)
    group: GroupName | None = None
    label: Label | None = None


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


class MoveJob(Body):
    """Where a waiting job goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"before": None}]})

    before: str | None = Field(description="The id of the job it goes before; null puts it at the end.")


class StarJob(Body):
    """Whether a result stays until it is deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"starred": True}]})

    starred: bool


class DeletedJobs(Answer):
    deleted: int


class FoundFaces(Answer):
    faces: list[dict[str, Any]] = Field(
        description="Left to right, each with `index` and `bbox` in pixels. `prominent` are those that the picture may "
        "be of: it is a reference without a question where there is one of them."
    )
    longest_side: int = Field(description="Of the picture, in pixels.")


class Setting(Answer):
    name: str
    value: bool | int | str
    default: bool | int | str
    meaning: str
    source: str = Field(description='"default", "file", "environment" or "flag".')


class SettingList(Answer):
    settings: list[Setting]


class ClientAnswer(Answer):
    id: str
    name: str
    scopes: list[Scope]
    origin: str | None = Field(description="The extension it is bound to; null for a token.")
    created_at: str | None
    last_seen: str | None


class ClientList(Answer):
    clients: list[ClientAnswer]


class ChangeClient(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Firefox on the laptop"}]})

    name: PersonsName | None = None
    console: bool | None = Field(
        None, description="Whether this paired browser may open the console; to allow it takes scope local."
    )


class NewToken(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "nightly batch", "scope": "swap"}]})

    name: PersonsName
    scope: Literal["swap", "models", "admin"]


class TokenAnswer(Answer):
    """Shown once; the daemon keeps only a hash."""

    id: str
    token: str
    scope: Literal["swap", "models", "admin"]
