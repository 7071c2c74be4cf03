"""What requests and answers share: names, their patterns, and the kinds that all bodies and answers are."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mien_daemon.state.rows import GROUP
from mien_pipeline.options import MOST_PICTURES

DIGEST = "sha256:" + "0f" * 32
JOB_ID = "5f1e0c9d8b7a6f5e4d3c2b1a"
PICTURE = r"^sha256:[0-9a-f]{64}$"
REFERENCE = r"^(sha256:[0-9a-f]{64}|ref:[A-Za-z0-9_-]{1,64})$"
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
