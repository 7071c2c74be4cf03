"""What crosses the pipe between the daemon and its worker: small JSON frames; pictures go through files."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import asyncio  # a tenth of a second that a worker need not spend

LENGTH = struct.Struct(">I")
# A report of a hundred faces has 30 kB; a frame of this size means that the pipe is out of step.
MAX_FRAME_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Begin:
    """The first frame to a worker: what it is made of. Folders are absolute paths."""

    runtime: str
    state: str
    models: str
    offline: bool


@dataclass(frozen=True, slots=True)
class RunJob:
    """Swap or restore. `target`, `references` and `output` are paths of files."""

    id: str
    kind: str
    target: str
    references: Sequence[str]
    options: Mapping[str, object]
    output: str


@dataclass(frozen=True, slots=True)
class FindFaces:
    """Find the faces of a picture, for somebody who wants to choose among them."""

    id: str
    picture: str


@dataclass(frozen=True, slots=True)
class Cancel:
    id: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker can take work."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent every second; `engine` is the one in memory."""

    engine: str | None


@dataclass(frozen=True, slots=True)
class Progressed:
    id: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Finished:
    """`report` is what `mien swap --json` prints, without paths; the picture lies at `RunJob.output`."""

    id: str
    report: Mapping[str, object]
    media_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Faces:
    id: str
    faces: Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Failed:
    """An error by its code. An error nobody planned for has none; the worker's log has its traceback."""

    id: str
    code: str
    detail: str
    fields: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class MakePreview:
    """To the preview process: a path, and the longest side in pixels."""

    picture: str
    side: int


@dataclass(frozen=True, slots=True)
class PreviewMade:
    """`size` bytes of JPEG follow the frame."""

    size: int


Message = (
    Begin
    | RunJob
    | FindFaces
    | Cancel
    | Ready
    | Heartbeat
    | Progressed
    | Finished
    | Faces
    | Failed
    | MakePreview
    | PreviewMade
)
KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        Begin,
        RunJob,
        FindFaces,
        Cancel,
        Ready,
        Heartbeat,
        Progressed,
        Finished,
        Faces,
        Failed,
        MakePreview,
        PreviewMade,
    )
}


def encode(message: Message) -> bytes:
    body = json.dumps({"is": type(message).__name__, **asdict(message)}, default=str).encode()
    return LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Message:
    members: dict[str, object] = json.loads(body)
    return KINDS[str(members.pop("is"))](**members)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def body_length(prefix: bytes) -> int:
    """How long the frame is.

    Raises:
        ValueError: too long to be true.
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
