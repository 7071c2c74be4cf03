"""The answers about pictures that were sent."""

from typing import Any

from pydantic import Field

from mien_daemon.http.schemas import DIGEST, Answer


class BlobTaken(Answer):
    blob: str = Field(examples=[DIGEST])
    size: int = Field(description="Bytes.")


class FoundFaces(Answer):
    faces: list[dict[str, Any]] = Field(
        description="Left to right, each with `index` and `bbox` in pixels. `prominent` are those that the picture may "
        "be of: it is a reference without a question where there is one of them. `cautions` are the codes of what "
        "limits a face as a reference; none are told where a picture shows more than four faces."
    )
    longest_side: int = Field(description="Of the picture, in pixels.")
