"""A clip's pictures one by one, from any of them on, in the form in which they are edited."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane

from mien_pipeline.image import Pixels
from mien_pipeline.media.clip.colour import FULL_RANGE, Matrix, add_change, find_matrix, to_rgb
from mien_pipeline.media.clip.probe import ClipInfo, find_video, open_clip, refuse
from mien_pipeline.media.clip.working_form import Plane


@dataclass(slots=True, eq=False)
class Frame:
    """One picture of a clip, as it is stored: not turned. Its planes are its own and may be changed.

    Attributes:
        time: when it is shown, in ticks of the clip's time base.
        planes: luma (H, W), and both colour differences, of half its width and height.
        clip: of which it is.
    """

    time: int
    planes: tuple[Plane, Plane, Plane]
    clip: ClipInfo

    def read_region(self, box: "Region") -> Pixels:
        """(h, w, 3) uint8 RGB of a part, upright."""
        return np.ascontiguousarray(np.rot90(to_rgb(self._cut(box), self._matrix), self.clip.rotation // 90))

    def change_region(self, box: "Region", before: Pixels, after: Pixels) -> None:
        """Change a part by what `after` differs from `before`, (h, w, 3) uint8 RGB and upright."""
        change = np.rot90(after.astype(np.float32) - before, -self.clip.rotation // 90)
        add_change(self._cut(box), np.ascontiguousarray(change), self._matrix, self.clip.form)

    def _cut(self, box: "Region") -> tuple[Plane, Plane, Plane]:
        left, top, right, bottom = box.as_stored(self.clip)
        luma, first, second = self.planes
        half = slice(top // 2, -(-bottom // 2)), slice(left // 2, -(-right // 2))
        return luma[top:bottom, left:right], first[half], second[half]

    @property
    def _matrix(self) -> Matrix:
        return find_matrix(self.clip.colour.matrix, self.clip.colour.range, self.clip.form.bits)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an upright picture, in its pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, bbox: tuple[float, float, float, float], margin: float, clip: ClipInfo) -> "Region":
        """The box and `margin` of its longer side around it, so laid that colour is cut between its samples."""
        width, height = clip.seen_size
        more = margin * max(bbox[2] - bbox[0], bbox[3] - bbox[1])
        left, top = (max(0, int(bbox[0] - more)), max(0, int(bbox[1] - more)))
        right, bottom = min(width, int(bbox[2] + more) + 1), min(height, int(bbox[3] + more) + 1)
        # A turned picture is cut from the other side: there, too, the cut must be even.
        odd_x, odd_y = width % 2 if clip.rotation in {180, 270} else 0, height % 2 if clip.rotation in {90, 180} else 0
        return cls(
            _floor_even(left, odd_x), _floor_even(top, odd_y), _ceil_even(right, odd_x, width),
            _ceil_even(bottom, odd_y, height),
        )  # fmt: skip

    def as_stored(self, clip: ClipInfo) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in the picture as it is stored."""
        width, height = clip.size
        match clip.rotation:
            case 90:  # shown turned counter-clockwise: the upright top is the stored right edge
                return width - self.bottom, self.left, width - self.top, self.right
            case 180:
                return width - self.right, height - self.bottom, width - self.left, height - self.top
            case 270:
                return self.top, height - self.right, self.bottom, height - self.left
            case _:
                return self.left, self.top, self.right, self.bottom


def _floor_even(edge: int, odd: int) -> int:
    return max(0, edge - (edge + odd) % 2)


def _ceil_even(edge: int, odd: int, limit: int) -> int:
    return min(limit, edge + (edge + odd) % 2)


def read_pictures(
    clip: ClipInfo, begin_s: float | None = None, end_s: float | None = None
) -> Generator[tuple[int, VideoFrame]]:
    """(time, picture) in the order in which they are shown, of the clip or of those seconds of it.

    Seconds count from the clip's first picture, whatever time the file gives that.

    Raises:
        UnsupportedClip: a picture is damaged, or another size than the first.
    """
    begin = None if begin_s is None else _count_ticks(begin_s, clip)
    end = None if end_s is None else _count_ticks(end_s, clip)
    with open_clip(clip.path) as container:
        stream = find_video(container)
        stream.thread_type = "AUTO"
        if begin is not None:
            container.seek(begin, stream=stream, backward=True)
        for time, picture in _decode(container.decode(stream), clip):
            if end is not None and time >= end:
                return
            if begin is None or time >= begin:
                yield time, picture


def _count_ticks(seconds: float, clip: ClipInfo) -> int:
    """The first tick that is not before `seconds` of the clip; 0.2 s are meant where 0.2000000001 s are said."""
    return clip.start + math.ceil(Fraction(seconds).limit_denominator(1_000_000) / clip.time_base)


def read_frames(clip: ClipInfo, times: list[int]) -> Iterator[Frame]:
    """The pictures that are shown at `times`, which follow each other in the clip.

    Raises:
        UnsupportedClip: they are not all there any more.
    """
    wanted = iter(times)
    time = next(wanted, None)
    with open_clip(clip.path) as container:
        stream = find_video(container)
        for start in (times[0], None):
            container.seek(start if start is not None else stream.start_time or 0, stream=stream, backward=True)
            for when, picture in _decode(container.decode(stream), clip):
                if when == time:
                    yield Frame(when, to_planes(picture, clip), clip)
                    time = next(wanted, None)
                    if time is None:
                        return
                elif when > (time or 0):
                    break  # the seek went too far; the second try begins at the beginning
            if time != times[0]:
                break
    raise refuse("video", "changed", "the clip is not the one that was analysed")


def _decode(pictures: Iterator[VideoFrame], clip: ClipInfo) -> Iterator[tuple[int, VideoFrame]]:
    for number, picture in enumerate(pictures):
        if (picture.width, picture.height) != clip.size:
            raise refuse("video", "size", "the clip changes its size")
        if picture.is_corrupt:
            raise refuse("video", "damaged", f"picture {number} of the clip is damaged")
        yield find_time(picture, number, clip), picture


def find_time(picture: VideoFrame, number: int, clip: ClipInfo) -> int:
    """When the picture is shown, in ticks; by its number where the file does not say, as AVI does not."""
    if picture.pts is not None:
        return int(picture.pts)
    step = Fraction(clip.duration_s).limit_denominator(1_000_000) / max(1, clip.frames) / clip.time_base
    return round(number * step)


def to_planes(picture: VideoFrame, clip: ClipInfo) -> tuple[Plane, Plane, Plane]:
    """The planes of a decoded picture, copied: the decoder still needs its own."""
    form = clip.form
    if picture.format.name not in form.taken_as_is:
        full = clip.colour.range == FULL_RANGE
        picture = picture.reformat(
            format=form.name,
            src_colorspace=_SWSCALE.get(clip.colour.matrix),
            dst_colorspace=_SWSCALE.get(clip.colour.matrix),
            dst_color_range="JPEG" if full else "MPEG",
        )
    copies: list[Plane] = [
        _view(plane, form.dtype)[: shape[0], : shape[1]].copy()
        for plane, shape in zip(picture.planes, form.shape_planes(*clip.size), strict=True)
    ]
    first, second, third = copies
    return first, second, third


def to_upright_rgb(picture: VideoFrame, clip: ClipInfo) -> Pixels:
    """(H, W, 3) uint8 RGB of a decoded picture as a player shows it."""
    full = clip.colour.range == FULL_RANGE
    pixels = picture.to_ndarray(
        format="rgb24",
        src_colorspace=None if clip.form.is_converted_rgb else _SWSCALE.get(clip.colour.matrix),
        src_color_range="JPEG" if full or clip.form.is_converted_rgb else "MPEG",
        dst_color_range="JPEG",
    )
    return np.ascontiguousarray(np.rot90(pixels, clip.rotation // 90), np.uint8)


def to_video_frame(frame: Frame) -> VideoFrame:
    """The frame for an encoder, with the clip's colours named; its time is not set."""
    clip = frame.clip
    made = av.VideoFrame(*clip.size, clip.form.name)
    for plane, values in zip(made.planes, frame.planes, strict=True):
        _view(plane, clip.form.dtype)[: values.shape[0], : values.shape[1]] = values
    made.color_range, made.color_primaries = clip.colour.range, clip.colour.primaries
    made.color_trc, made.colorspace = clip.colour.transfer, clip.colour.tagged_matrix
    return made


# libswscale's numbers of the matrices.
_SWSCALE = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020"}


def _view(plane: VideoPlane, dtype: type[np.uint8] | type[np.uint16]) -> Plane:
    """(h, w) view of a plane's own memory, with what lies between its rows."""
    values = cast("Plane", np.frombuffer(cast("Any", plane), dtype))
    return values.reshape(plane.height, plane.line_size // np.dtype(dtype).itemsize)
