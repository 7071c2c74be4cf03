"""Messages: each survives the pipe as it was, and what is not exactly a message is refused."""

import asyncio
import contextlib
import io
import json
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_daemon.worker import messages
from mien_daemon.worker.messages import (
    CancelWork,
    ClipRead,
    Faces,
    Failed,
    FindFaces,
    Finished,
    HeaderRead,
    Heartbeat,
    HoldWork,
    MakePreview,
    Message,
    PictureRendered,
    PreviewMade,
    Progressed,
    ReadClip,
    ReadHeader,
    Ready,
    RenderSegment,
    RunJob,
    SegmentRendered,
    SetUp,
    SetUpSegments,
    body_length,
    decode,
    encode,
    read,
    receive,
)

ONE_OF_EACH: list[Message] = [
    SetUp("module:function", "/state", "/models", True, ["/run"]),
    RunJob(
        "1", "swap", "/target", [["/one", "/two"], ["/three"]], {"faces": [0, 1], "seed": None}, "/output", ["/like"]
    ),
    FindFaces("1", "/picture"),
    CancelWork("1"),
    HoldWork("1", True),
    Ready(),
    Heartbeat(None),
    Progressed("1", "generate", 1, 2, (0, 1)),
    Finished("1", {"faces": [{"bbox": [0.5, 1.0]}], "seconds": 0.25}, "image/png", "00"),
    Faces("1", [{"index": 0, "yaw_deg": -1.5}]),
    Failed("1", "no-face-found", "none", {"role": "target"}),
    MakePreview("/picture", 512, region=(0.5, -1.0, 30.0, 40.0)),
    PreviewMade(40_000),
    ReadHeader("/picture"),
    HeaderRead("png", 512, 600),
    SetUpSegments("/models", "/state", "/run", "/clip", {"engine": "mesh"}, [[3, 4], [5]]),
    RenderSegment(2, 96, 144, {"0": 1}, "libsvtav1", 70, 8),
    PictureRendered(),
    SegmentRendered(2, 96, 48, 10_000, "00", {"0": {"frames": 48, "to_reference": [0.5]}}),
    ReadClip("/clip", 0.5, 2.0, "vp9", "webp"),
    ClipRead("h264", 1280, 720, 300, 10.0),
]


def body(message: Message, **changes: object) -> bytes:
    return json.dumps({**asdict(message), **changes}).encode()


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def test_the_list_above_has_every_message() -> None:
    assert {type(message) for message in ONE_OF_EACH} == set(get_args(Message))
    assert len({message.type for message in ONE_OF_EACH}) == len(ONE_OF_EACH)


@pytest.mark.parametrize("message", ONE_OF_EACH, ids=lambda message: type(message).__name__)
def test_every_message_survives_the_pipe(message: Message) -> None:
    frame = encode(message)
    assert body_length(frame[: messages.LENGTH.size]) == len(frame) - messages.LENGTH.size
    assert decode(frame[messages.LENGTH.size :]) == message


@pytest.mark.parametrize("message", ONE_OF_EACH, ids=lambda message: type(message).__name__)
def test_an_unknown_member_and_an_unknown_kind_are_refused(message: Message) -> None:
    for wrong in (body(message, more=1), body(message, type="of-tomorrow"), body(message, type=None)):
        with pytest.raises(ValueError, match="validation error"):
            decode(wrong)


@pytest.mark.parametrize(
    ("message", "member"),
    [(message, member) for message in ONE_OF_EACH for member in asdict(message) if member != "type"],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_member_of_a_wrong_type_is_refused(message: Message, member: str) -> None:
    right = getattr(message, member)
    wrong: list[Any] = [1, "true"] if isinstance(right, bool) else [["text", 3], True]
    wrong += [] if isinstance(right, bool | float) else [3.5]
    for value in wrong:
        with pytest.raises(ValueError, match="validation error"):
            decode(body(message, **{member: value}))


@pytest.mark.parametrize("garbage", [b"", b"{", b"\xff\xfe", b"[]", b"3", b"null", b'"text"', b"[" * 100_000])
def test_what_is_no_object_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(garbage)


@given(st.binary(max_size=64) | st.dictionaries(st.text(), st.none() | st.text()).map(as_json))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode(data), get_args(Message))


def test_a_path_that_is_not_utf_8_survives() -> None:
    message = MakePreview("/home/\udcff/picture", 10)
    assert decode(encode(message)[messages.LENGTH.size :]) == message


def test_what_json_cannot_say_is_sent_as_text() -> None:
    sent = Failed("1", "disk-full", "full", {"folder": PurePosixPath("/state")})
    received = decode(encode(sent)[messages.LENGTH.size :])
    assert isinstance(received, Failed)
    assert received.fields == {"folder": "/state"}


def test_a_frame_longer_than_any_message_is_refused() -> None:
    assert body_length(messages.LENGTH.pack(4 << 20)) == 4 << 20
    with pytest.raises(ValueError, match="frame"):
        body_length(messages.LENGTH.pack((4 << 20) + 1))


def test_messages_are_read_one_after_the_other_until_the_pipe_ends() -> None:
    pipe = io.BytesIO(encode(Ready()) + encode(Heartbeat("mesh")) + encode(Ready())[:-1])
    assert read(pipe) == Ready()
    assert read(pipe) == Heartbeat("mesh")
    assert read(pipe) is None, "half a frame is none"
    assert read(io.BytesIO(b"\0\0")) is None


async def test_a_stream_is_read_as_a_pipe_is() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(encode(Ready()) + encode(Heartbeat("mesh"))[:-1])
    stream.feed_eof()
    assert await receive(stream) == Ready()
    assert await receive(stream) is None
