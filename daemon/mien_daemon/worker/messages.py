"""What crosses the pipe between a process and its workers: small JSON frames; pictures go through files.

Both sides check every frame: a member of a wrong type, an unknown member and an unknown kind are refused.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

from pydantic import ConfigDict, Field, InstanceOf, StrictBool, StrictFloat, StrictInt, TypeAdapter
from pydantic.dataclasses import dataclass

from mien_pipeline.clip_options import ClipFormat, Codec

if TYPE_CHECKING:
    import asyncio  # a tenth of a second that a worker need not spend

LENGTH = struct.Struct(">I")
# A report of a hundred faces has 30 kB; a frame of this size means that the pipe is out of step.
MAX_FRAME_BYTES = 4 << 20

# Beside `RunJob.output` while the job runs: the picture of its latest step, where the engine shows any.
PREVIEW = "preview.jpg"
THUMBNAIL = "thumbnail.jpg"
THUMBNAIL_PX = 400  # a tile of the console is about 250 pixels wide and shows the middle of the picture

FilePath = InstanceOf[str]
"""An absolute path. Checked as an object and not as text: on Linux a path need not be UTF-8."""
_CHECKED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_CHECKED)
class SetUp:
    """The first frame to a worker: what it is made of.

    `folders` are where pictures come from and results go; none are the daemon's own, below `state`.
    """

    runtime: str
    state: FilePath
    models: FilePath
    offline: StrictBool
    folders: Sequence[FilePath] = ()
    type: Literal["set-up"] = "set-up"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class RunJob:
    """Swap or restore a picture, swap or analyse a clip; the target's bytes decide which of the two it is.

    "help" is for a clip that another worker swaps: its members are those of that work, but for the id. It ends when
    nothing is left to take, or when this worker is given something else. "check" is for what another machine made, a
    result with the strength that is said of its mark (`options.watermark`), or a segment of so many `options.pictures`.
    `target`, `output`, the pictures of each person of `references`, and those that `options.faces` names are paths.
    `run` is a folder that outlives this attempt: what is finished of a clip lies there.
    """

    id: str
    kind: Literal["swap", "restore", "analyse", "help", "check"]
    target: FilePath
    references: Sequence[Sequence[FilePath]]
    options: Mapping[str, object]
    output: FilePath
    likes: Sequence[FilePath] = ()
    run: FilePath = ""
    type: Literal["run-job"] = "run-job"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class FindFaces:
    """Find the faces of a picture, for a person who wants to choose among them."""

    id: str
    picture: FilePath
    type: Literal["find-faces"] = "find-faces"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class CancelWork:
    """Stop this work at its next step."""

    id: str
    type: Literal["cancel-work"] = "cancel-work"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class HoldWork:
    """Wait at the next step of this work until `hold` is no longer so, or it is cancelled."""

    id: str
    hold: StrictBool
    type: Literal["hold-work"] = "hold-work"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class Ready:
    """The worker can take work."""

    type: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class Heartbeat:
    """Sent every second; `engine` is the one in memory."""

    engine: str | None
    type: Literal["heartbeat"] = "heartbeat"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class Progressed:
    """The work is at `done` of `total` in `stage`.

    Of a clip those are its pictures, and `segments` says how many of its segments are finished, and of how many.
    """

    id: str
    stage: str
    done: StrictInt
    total: StrictInt
    segments: tuple[StrictInt, StrictInt] | None = None
    type: Literal["progressed"] = "progressed"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class Finished:
    """`report` is what `mien swap --json` prints, without paths; the picture lies at `RunJob.output`."""

    id: str
    report: Mapping[str, object]
    media_type: str
    sha256: str
    type: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class Faces:
    """The faces that were found, as the API shows them."""

    id: str
    faces: Sequence[Mapping[str, object]]
    type: Literal["faces"] = "faces"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class Failed:
    """An error by its code; an unexpected one is `internal-error`, and the worker's log has its traceback."""

    id: str
    code: str
    detail: str
    fields: Mapping[str, object] = field(default_factory=dict[str, object])
    type: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class ReadHeader:
    """To the preview process: say what the header of this picture says."""

    picture: FilePath
    type: Literal["read-header"] = "read-header"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class HeaderRead:
    """A picture's format, by our name for it, and its size in pixels."""

    format: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,16}$")]
    width: Annotated[StrictInt, Field(ge=1)]
    height: Annotated[StrictInt, Field(ge=1)]
    type: Literal["header-read"] = "header-read"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class ReadClip:
    """To the preview process: say what this clip is, if the part of it between these seconds can be edited.

    `encoder` is what the result is to be written with; None where there will be no result. `format` is the result's.
    """

    clip: FilePath
    begin_s: StrictFloat | None = None
    end_s: StrictFloat | None = None
    encoder: Literal["auto"] | Codec | None = None
    format: ClipFormat = "mp4"
    type: Literal["read-clip"] = "read-clip"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class ClipRead:
    """A clip's size in pixels as a player shows it, its length, and the codec of its pictures."""

    codec: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
    width: Annotated[StrictInt, Field(ge=1)]
    height: Annotated[StrictInt, Field(ge=1)]
    frames: Annotated[StrictInt, Field(ge=1)]
    duration_s: Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)]
    type: Literal["clip-read"] = "clip-read"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class MakePreview:
    """To the preview process: a path, the longest side in pixels, and whether the picture is one of our results.

    Of a clip the preview is the picture that is shown after `at_s` seconds. `region` is the part of an upright picture
    that is wanted: (x1, y1, x2, y2) in its pixels; what lies outside the picture is left out.
    """

    picture: FilePath
    side: StrictInt
    is_result: StrictBool = False
    at_s: StrictFloat = 0.0
    region: tuple[StrictFloat, StrictFloat, StrictFloat, StrictFloat] | None = None
    type: Literal["make-preview"] = "make-preview"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class PreviewMade:
    """`size` bytes of JPEG follow the frame."""

    size: StrictInt
    type: Literal["preview-made"] = "preview-made"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class SetUpSegments:
    """The first frame to a process that renders segments of one clip.

    Attributes:
        models: the model store's folder.
        state: where this machine's limits are known.
        folder: the run's, the only one in which the process writes.
        clip: the target.
        options: the engine's.
        pictures: of each person the sizes of the encoded pictures, whose bytes follow the frame in this order.
    """

    models: FilePath
    state: FilePath
    folder: FilePath
    clip: FilePath
    options: Mapping[str, object]
    pictures: Sequence[Sequence[StrictInt]]
    type: Literal["set-up-segments"] = "set-up-segments"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class RenderSegment:
    """Render one segment: see `mien_pipeline.clips.segments.SegmentOrder`; `people` by their numbers as text."""

    number: StrictInt
    first: StrictInt
    stop: StrictInt
    people: Mapping[str, StrictInt]
    encoder: str
    quality: StrictInt
    every: StrictInt
    type: Literal["render-segment"] = "render-segment"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class PictureRendered:
    """One more picture of the segment is done."""

    type: Literal["picture-rendered"] = "picture-rendered"


@dataclass(frozen=True, slots=True, config=_CHECKED)
class SegmentRendered:
    """The segment is in its place: what its row will say, and what it counted of each person."""

    number: StrictInt
    first: StrictInt
    count: StrictInt
    size: StrictInt
    sha256: str
    tallies: Mapping[str, Mapping[str, object]]
    type: Literal["segment-rendered"] = "segment-rendered"


Message = (
    SetUp
    | RunJob
    | FindFaces
    | CancelWork
    | HoldWork
    | Ready
    | Heartbeat
    | Progressed
    | Finished
    | Faces
    | Failed
    | ReadHeader
    | HeaderRead
    | ReadClip
    | ClipRead
    | MakePreview
    | PreviewMade
    | SetUpSegments
    | RenderSegment
    | PictureRendered
    | SegmentRendered
)
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def encode(message: Message) -> bytes:
    """The frame of a message: four bytes of length, then JSON; what JSON cannot say is sent as its `str`."""
    body = json.dumps(asdict(message), default=str).encode()
    return LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Message:
    """The message in a frame, without the length; raises `ValueError` where it is none of those above."""
    try:
        members: object = json.loads(body)
    except RecursionError as error:
        raise ValueError("a frame nested too deeply") from error
    return _MESSAGE.validate_python(members)


def body_length(prefix: bytes) -> int:
    """How long the frame is.

    Raises:
        ValueError: longer than any message.
    """
    length: int = LENGTH.unpack(prefix)[0]
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes")
    return length


def read(pipe: BinaryIO) -> Message | None:
    """The next message; None when the other side is gone."""
    prefix = pipe.read(LENGTH.size)
    if len(prefix) < LENGTH.size:
        return None
    length = body_length(prefix)
    body = pipe.read(length)
    return decode(body) if len(body) == length else None


async def receive(pipe: "asyncio.StreamReader") -> Message | None:
    """The next message; None when the other side is gone."""
    try:
        return decode(await pipe.readexactly(body_length(await pipe.readexactly(LENGTH.size))))
    except (EOFError, ConnectionError):  # asyncio's own error for half a frame is an EOFError
        return None
