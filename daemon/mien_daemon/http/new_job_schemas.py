"""The bodies that ask for a job, and what the contract says of its options."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, create_model

from mien_daemon.http.schemas import DIGEST, Body, GroupName, Person, Picture, Reference
from mien_daemon.jobs.label import MOST_CHARACTERS
from mien_pipeline.clip_options import MOST_BETWEEN, Codec
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.options import AutoOptions, RestoreOptions

MOST_PEOPLE = 20


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
    every: int = Field(
        1,
        ge=1,
        le=MOST_BETWEEN,
        description="The engine renders every Nth picture of a face; in those between, the new face is carried along "
        "with the mesh.",
    )


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
        dict[str, Any],
        DocumentedAs((*(entry.options for entry in ENGINES.values()), AutoOptions), ClipSwapOptions),
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
