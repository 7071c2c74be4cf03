"""What a clip is, from its headers and its packets: read before any work, so that what cannot be edited is said first.

No picture is decoded but the first. Needs PyAV (`mien[video]`).
"""

import itertools
import statistics
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mien_core.errors import ClipTooLong, HdrClip, ImageTooLarge, InvalidOptions, UnsupportedClip
from mien_pipeline.clip_options import ClipFormat
from mien_pipeline.media.clip.working_form import WorkingForm, choose_form

MAX_SECONDS = 600
MAX_FRAMES = 72_000  # ten minutes of 120 frames a second
MAX_PIXELS = 8192 * 4320  # 8K, what H.264 and AV1 name as their largest common level
# Of all pictures of a WebP together, kept encoded until its end: 72 s of 1280 × 720 at 30 a second. Noisy pictures
# took .14 bytes a pixel at a quality of 70 and .47 at 100; the file is laid out beside them.
MAX_WEBP_PIXELS = 2_000_000_000
# Less than this share, or this many seconds, of what the header promises means that the end of the file is missing.
_MISSING_SHARE, _MISSING_S = 0.02, 1.0
# Transfer functions of high dynamic range (ISO/IEC 23091-2, TransferCharacteristics).
_HDR = {16: "PQ", 18: "HLG"}
# AVFieldOrder: 0 is unknown, 1 progressive; all others are two fields a frame.
_PROGRESSIVE = {0, 1}
# How MP4 calls streams that need a key.
_LIMITED = 1  # AVCOL_RANGE_MPEG
_ENCRYPTED_TAGS = {"encv", "drmi"}


@dataclass(frozen=True, slots=True)
class Colour:
    """How code values of a clip are meant, as ISO/IEC 23091-2 numbers it; FFmpeg's own numbers for the range.

    `matrix` is never unknown here: an untagged clip is BT.709 from 720 lines up, else BT.601, as players take it.
    """

    range: int
    primaries: int
    transfer: int
    matrix: int
    tagged_matrix: int


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One audio stream: its place among all streams, its codec and its language."""

    index: int
    codec: str
    language: str | None


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """A clip that can be edited.

    Attributes:
        path: of the file.
        container: FFmpeg's name of the format, as "mov,mp4,m4a,3gp,3g2,mj2".
        codec: of the video, as "h264".
        stream: the place of the video among all streams.
        size: width and height as they are stored.
        rotation: degrees by which a player turns the picture, counter-clockwise, a multiple of 90.
        frames: how many pictures the file holds; the analysis counts those that are shown.
        duration_s: from the first picture to the end of the last.
        time_base: seconds of one tick of its times.
        start: when its first picture is shown, in those ticks: where players begin to count.
        form: how its pictures are held while they are edited.
        colour: how code values are meant.
        aspect: width by height of one pixel.
        audio: the audio tracks, in order.
        others: codecs, or kinds, of streams that are neither the video nor audio.
    """

    path: Path
    container: str
    codec: str
    stream: int
    size: tuple[int, int]
    rotation: int
    frames: int
    duration_s: float
    time_base: Fraction
    start: int
    form: WorkingForm
    colour: Colour
    aspect: Fraction
    audio: tuple[AudioTrack, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def seen_size(self) -> tuple[int, int]:
        """Width and height as a player shows them, its pixels taken as square."""
        return (self.size[1], self.size[0]) if self.rotation % 180 else self.size

    @property
    def picture_bytes(self) -> int:
        """What a picture takes while it is edited."""
        return sum(height * width for height, width in self.form.shape_planes(*self.size)) * self.form.dtype().itemsize


def probe_clip(path: Path) -> ClipInfo:
    """What the clip is.

    Raises:
        UnsupportedClip: `reason` is "damaged", "truncated", "no-video", "encrypted", "interlaced" or "alpha".
        HdrClip: its code values are PQ or HLG.
        ImageTooLarge: its pictures have too many pixels.
    """
    with open_clip(path) as container:
        stream = find_video(container)
        context = stream.codec_context
        if context.width * context.height > MAX_PIXELS:
            raise ImageTooLarge(
                f"the clip's pictures have {context.width} × {context.height} pixels",
                pixels=context.width * context.height,
                limit_pixels=MAX_PIXELS,
            )
        if context.field_order not in _PROGRESSIVE:
            raise refuse("video", "interlaced", "the clip is interlaced: each picture is two half ones")
        first = _decode_first(container, stream)
    with open_clip(path) as container:
        frames, duration = _count(container, find_video(container))
        return _describe(path, container, find_video(container), first, frames, duration)


def probe_part(path: Path, begin_s: float | None = None, end_s: float | None = None) -> ClipInfo:
    """The clip, if the part of it that is wanted is there and not too long.

    Raises:
        UnsupportedClip, HdrClip, ImageTooLarge, ClipTooLong: as `probe_clip` and `require_length` say.
        InvalidOptions: `field` "from": the part lies behind the clip's end.
    """
    clip = probe_clip(path)
    require_part(clip.duration_s, clip.frames, begin_s, end_s)
    return clip


def require_part(duration_s: float, frames: int, begin_s: float | None, end_s: float | None) -> None:
    """Return if a clip of that length has the part that is wanted, and it is not too long; raises as `probe_part`."""
    begin, end = begin_s or 0.0, min(end_s or duration_s, duration_s)
    if begin >= end:
        raise InvalidOptions(f"the clip lasts {duration_s:.2f} s, and no part of it was named", field="from")
    require_length(end - begin, count_part(duration_s, frames, begin_s, end_s))


def count_part(duration_s: float, frames: int, begin_s: float | None, end_s: float | None) -> int:
    """How many pictures a part of a clip of that length has, as far as is known before it is read."""
    seconds = min(end_s or duration_s, duration_s) - (begin_s or 0.0)
    return round(seconds / max(duration_s, 1e-6) * frames)


def require_length(seconds: float, frames: int) -> None:
    """Return if a part of a clip is not too long.

    Raises:
        ClipTooLong: `limit_s` or `limit_frames` says how long it may be.
    """
    if seconds > MAX_SECONDS:
        raise ClipTooLong(
            f"the clip lasts {seconds:.0f} s, and at most {MAX_SECONDS} s are edited at a time",
            limit_s=MAX_SECONDS,
            found=round(seconds, 1),
        )
    if frames > MAX_FRAMES:
        raise ClipTooLong(
            f"the clip has {frames} pictures, and at most {MAX_FRAMES} are edited at a time",
            limit_frames=MAX_FRAMES,
            found=frames,
        )


def require_animation(format: ClipFormat, size: tuple[int, int], frames: int) -> None:
    """Return if so many pictures of that width and height are not too many for the format.

    Raises:
        ClipTooLong: `limit_frames` says how many there may be.
    """
    most = MAX_WEBP_PIXELS // (size[0] * size[1])
    if format == "webp" and frames > most:
        raise ClipTooLong(
            f"the part has {frames} pictures, and a WebP has at most {most} of {size[0]} × {size[1]} pixels",
            limit_frames=most,
            found=frames,
        )


@contextmanager
def open_clip(path: Path) -> Generator[InputContainer]:
    """The file, opened for reading; what FFmpeg refuses while it is open is an `UnsupportedClip`.

    No other file is opened for it, whatever the clip names: playlists and references are not followed.
    """
    try:
        with av.open(str(path), "r", options={"protocol_whitelist": "file", "enable_drefs": "0"}) as container:
            yield container
    except FFmpegError as error:
        raise refuse("container", "damaged", "the clip cannot be read: it is damaged, or cut short") from error


def refuse(stream: str, reason: str, message: str, **found: object) -> UnsupportedClip:
    """The refusal of a clip, for its `stream`."""
    return UnsupportedClip(message, stream=stream, reason=reason, **found)


def find_video(container: InputContainer) -> VideoStream:
    """The first moving picture; cover pictures of music are none.

    Raises:
        UnsupportedClip: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise refuse("video", "no-video", "the file holds no moving picture")


def _decode_first(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """The first picture that can be decoded; it knows its colours better than the header does."""
    if stream.codec_context.codec_tag in _ENCRYPTED_TAGS:
        raise refuse("video", "encrypted", "the clip is encrypted")
    for packet in container.demux(stream):
        if packet.has_sidedata("encryption_info"):
            raise refuse("video", "encrypted", "the clip is encrypted")
        for frame in packet.decode():
            if frame.interlaced_frame:
                raise refuse("video", "interlaced", "the clip is interlaced: each picture is two half ones")
            return frame
    raise refuse("video", "damaged", "no picture of the clip can be decoded")


def _count(container: InputContainer, stream: VideoStream) -> tuple[int, float]:
    """How many pictures there are, and for how many seconds, counted in the packets of the whole file.

    Raises:
        UnsupportedClip: the file ends before its header says.
    """
    times, end = list[int](), 0.0
    for packet in container.demux():
        when = packet.pts if packet.pts is not None else packet.dts
        if when is None and not packet.size:
            continue  # the mark that a stream has ended
        if when is not None:
            end = max(end, float((when + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index == stream.index:
            times.append(when if when is not None else len(times))
    if not times:
        raise refuse("video", "no-video", "the file holds no moving picture")
    promised = container.duration / av.time_base if container.duration else 0.0
    # Matroska's duration counts from time 0, and not from the first picture.
    began = 0.0 if "matroska" in container.format.name else (container.start_time or 0) / av.time_base
    missing = promised - (end - began)
    if len(times) < stream.frames or missing > max(_MISSING_S, _MISSING_SHARE * promised):
        raise refuse("container", "truncated", "the file ends before its last picture: it was cut short")
    return len(times), _measure_duration(times, stream)


def _measure_duration(times: list[int], stream: VideoStream) -> float:
    ordered = sorted(times)
    steps = [after - before for before, after in itertools.pairwise(ordered)]
    last = statistics.median(steps) if steps else 1 / float(stream.average_rate or 25) / float(stream.time_base or 1)
    return float((ordered[-1] - ordered[0] + last) * float(stream.time_base or Fraction(1, 25)))


def _describe(
    path: Path, container: InputContainer, stream: VideoStream, first: VideoFrame, frames: int, duration: float
) -> ClipInfo:
    context = stream.codec_context
    colour = _read_colour(first, context.height)
    if colour.transfer in _HDR:
        raise HdrClip(
            f"the clip is of high dynamic range ({_HDR[colour.transfer]})", found=_HDR[colour.transfer], stream="video"
        )
    return ClipInfo(
        path=path,
        container=container.format.name,
        codec=context.name,
        stream=stream.index,
        size=(context.width, context.height),
        rotation=round(first.rotation / 90) * 90 % 360,
        frames=frames,
        duration_s=duration,
        time_base=stream.time_base or Fraction(1, 1000),
        start=first.pts or 0,
        form=choose_form(first.format),
        colour=colour,
        aspect=stream.sample_aspect_ratio or Fraction(1),
        audio=tuple(AudioTrack(each.index, each.codec_context.name, each.language) for each in container.streams.audio),
        others=tuple(
            each.codec_context.name if each.type == "subtitle" else each.type
            for each in container.streams
            if each.index != stream.index and each.type != "audio"
        ),
    )


def _read_colour(frame: VideoFrame, lines: int) -> Colour:
    matrix = int(frame.colorspace)
    known = matrix if matrix in {1, 4, 5, 6, 7, 9} else (1 if lines >= 720 else 6)
    if frame.format.is_rgb or frame.format.has_palette:  # it gets a matrix here, and says which
        return Colour(_LIMITED, int(frame.color_primaries), int(frame.color_trc), known, known)
    return Colour(int(frame.color_range), int(frame.color_primaries), int(frame.color_trc), known, matrix)
