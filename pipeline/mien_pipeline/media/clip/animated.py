"""Animated GIF, WebP and APNG → a clip without loss, which is then edited as any other.

Pillow decodes them: FFmpeg reads no animated WebP. What is transparent is laid on white, as browsers' pages are.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import PIL.Image

from mien_pipeline.image import Pixels
from mien_pipeline.media import metadata
from mien_pipeline.media.clip.probe import MAX_FRAMES, MAX_PIXELS, refuse, require_part
from mien_pipeline.media.clip.working_form import WorkingForm
from mien_pipeline.media.kinds import looks_like_clip, read_head

_BASE = Fraction(1, 1000)  # Matroska's own
_DEFAULT_MS = 100  # what browsers show a picture for whose file says 10 or less
_LEAST_MS = 10
_MOST_WORDS = 1000
FORM = WorkingForm("yuv420p", 8, ("yuv420p",))  # of the clip that it becomes
FORMATS = {"GIF", "PNG", "WEBP"}
# What Pillow raises for bytes that are no picture.
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError)


def is_animated(path: Path) -> bool:
    """Whether Pillow knows the file as a picture of several frames, as a GIF, or as another animation of one."""
    try:
        with PIL.Image.open(path, formats=sorted(FORMATS)) as picture:
            return getattr(picture, "is_animated", False) or looks_like_clip(read_head(path))
    except (OSError, ValueError, SyntaxError):
        return False


def measure_animation(
    path: Path, begin_s: float | None = None, end_s: float | None = None
) -> tuple[str, tuple[int, int], int, float]:
    """(format, width and height, pictures, seconds) of an animation, if that part of it can be edited.

    Raises:
        UnsupportedClip: `reason` is "damaged", or "size".
        ClipTooLong, InvalidOptions: as `probe.require_part`.
    """
    with _open(path) as picture:
        kind, size, frames = str(picture.format).lower(), picture.size, getattr(picture, "n_frames", 1)
        duration = sum(_duration_of(picture, number) for number in range(frames)) / 1000
    require_part(duration, frames, begin_s, end_s)
    return kind, size, frames, duration


def _duration_of(picture: PIL.Image.Image, number: int) -> int:
    """Milliseconds for which a picture of the animation is shown; `picture` shows it afterwards."""
    picture.seek(number)
    if picture.format == "WEBP":
        picture.load()  # Pillow learns a WebP picture's duration when it decodes it
    said = round(picture.info.get("duration") or 0)
    return said if said > _LEAST_MS else _DEFAULT_MS


def measure_last(path: Path) -> Fraction:
    """Seconds for which the last picture of an animation is shown; a clip's file does not tell it.

    Raises:
        UnsupportedClip: `reason` is "damaged".
    """
    with _open(path) as picture:
        return _BASE * _duration_of(picture, getattr(picture, "n_frames", 1) - 1)


def count_pictures(path: Path) -> int:
    """How many pictures the animation has; none is decoded.

    Raises:
        UnsupportedClip: `reason` is "damaged".
    """
    with _open(path) as picture:
        return int(getattr(picture, "n_frames", 1))


def count_plays(path: Path) -> int:
    """How often the animation is shown, 0 for ever. A GIF says how often again, and nothing where it is shown once.

    Raises:
        UnsupportedClip: `reason` is "damaged".
    """
    with _open(path) as picture:
        said = picture.info.get("loop", 1 if picture.format != "GIF" else None)
        return 1 if said is None else int(said) + (picture.format == "GIF" and said > 0)


@contextmanager
def _open(path: Path) -> Generator[PIL.Image.Image]:
    """The animation, for as long as it is read.

    Raises:
        UnsupportedClip: `reason` is "size" where its pictures are too large, or too many; "damaged" where Pillow cannot
            read it, at once or later.
    """
    try:
        with PIL.Image.open(path, formats=sorted(FORMATS)) as picture:
            if picture.width * picture.height > MAX_PIXELS or getattr(picture, "n_frames", 1) > MAX_FRAMES:
                raise refuse("video", "size", "the animation is too large")
            yield picture
    except _DAMAGE as error:
        raise refuse("container", "damaged", "the animation is damaged") from error


def convert_animation(path: Path, clip: Path) -> None:
    """Write the animation to `clip`, a Matroska file, every picture for as long as the animation shows it.

    Raises:
        UnsupportedClip: `reason` is "damaged".
        OSError: the disk refuses it.
    """
    with av.open(str(clip), "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=Fraction(1000, _DEFAULT_MS))
        stream.pix_fmt, stream.time_base = FORM.name, _BASE
        stream.codec_context.time_base = _BASE
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        time = 0
        for pixels, duration in read_animation(path):
            if not time:
                stream.height, stream.width = pixels.shape[:2]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(format=FORM.name, dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.colorspace, frame.color_range = 1, 1
            frame.pts, frame.time_base, frame.duration = time, _BASE, duration
            container.mux(stream.encode(frame))
            time += duration
        container.mux(stream.encode(None))


def read_animation(path: Path) -> Iterator[tuple[Pixels, int]]:
    """(pixels (H, W, 3) uint8 RGB, milliseconds) of every picture."""
    with _open(path) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            duration = _duration_of(picture, number)
            seen = PIL.Image.new("RGBA", picture.size, "white")
            seen.alpha_composite(picture.convert("RGBA"))
            yield np.asarray(seen.convert("RGB"), np.uint8), duration


def read_words(path: Path) -> dict[str, object]:
    """What we know of an animation's metadata: see `metadata.read`; and a GIF's comment.

    Raises:
        UnsupportedClip: `reason` is "damaged".
    """
    with _open(path) as picture:
        found, comment = metadata.read(picture), picture.info.get("comment")
    return found | ({"comment": comment.decode("utf-8", "replace")[:_MOST_WORDS]} if comment else {})
