"""Clips made at test time: a portrait that pans, zooms and turns, a gradient with a moving square, and odd files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from mien_pipeline.image import Pixels
from mien_pipeline.media.clip.threads import calm_threads

MILLISECONDS = Fraction(1, 1000)
Draw = Callable[[int, tuple[int, int]], Pixels]


@dataclass(frozen=True)
class Recipe:
    """How a clip is made.

    Attributes:
        codec, pixel_format, options: FFmpeg's.
        size: width and height.
        times: of each picture in ticks of 1/`rate` s, or of a millisecond where `rate` is None.
        rotation: degrees, counter-clockwise, that its display matrix says.
        tags: values of the codec context: `color_trc`, `colorspace` and others.
        tone: seconds of a tone as AAC sound; 0 for none.
        muxer: options of the container.
    """

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=lambda: {"crf": "16", "preset": "veryfast"})
    size: tuple[int, int] = (160, 120)
    times: Sequence[int] = tuple(range(24))
    rate: int | None = 30
    rotation: int = 0
    tags: Mapping[str, int] = field(default_factory=dict[str, int])
    tone: float = 0.0
    muxer: Mapping[str, str] = field(default_factory=dict[str, str])


def make_clip(path: Path, recipe: Recipe | None = None, draw: Draw | None = None) -> Path:
    """Write the clip; by default it shows `draw_square`."""
    recipe = recipe or Recipe()
    base = Fraction(1, recipe.rate) if recipe.rate else MILLISECONDS
    with av.open(str(path), "w", options=dict(recipe.muxer)) as container:
        video = cast("VideoStream", container.add_stream(recipe.codec, rate=recipe.rate or 30))
        video.width, video.height = recipe.size
        video.pix_fmt, video.options = recipe.pixel_format, dict(recipe.options)
        video.time_base = video.codec_context.time_base = base
        for name, value in recipe.tags.items():
            setattr(video.codec_context, name, value)
        if recipe.rotation:
            cast("Any", video).set_display_rotation(recipe.rotation)
        sound = container.add_stream("aac", rate=48_000) if recipe.tone else None
        for number, time in enumerate(recipe.times):
            drawn = (draw or draw_square)(number, recipe.size)
            frame = av.VideoFrame.from_ndarray(drawn, format="rgb24")
            frame = frame.reformat(
                format=recipe.pixel_format,
                dst_colorspace="ITU709" if recipe.tags.get("colorspace") == 1 else "ITU601",
                dst_color_range="JPEG" if recipe.tags.get("color_range") == 2 else "MPEG",
            )
            for name, value in recipe.tags.items():
                setattr(frame, name, value)
            frame.pts, frame.time_base = time, base
            container.mux(video.encode(frame))
            calm_threads()
        container.mux(video.encode(None))
        if sound:
            _add_tone(container, sound, recipe.tone)
    return path


def draw_square(number: int, size: tuple[int, int]) -> Pixels:
    """(H, W, 3): a gradient, and a red square that goes to the right."""
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = np.dstack([x * 255 // size[0], y * 255 // size[1], np.full_like(x, number * 5 % 256)]).astype(np.uint8)
    pixels[20:60, 20 + number : 60 + number] = (220, 30, 40)
    return pixels


def move_portrait(portrait: Pixels, then: Pixels | None = None, cut_at: int = 0) -> Draw:
    """A portrait before a camera that pans, zooms and leans; from `cut_at` on another one."""

    def draw(number: int, size: tuple[int, int]) -> Pixels:
        source = portrait if then is None or number < cut_at else then
        height, width = source.shape[:2]
        seconds = number / 30
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 4 * np.sin(2 * seconds), size[1] / height)
        turn[:, 2] += [size[0] / 2 - width / 2 + 8 * np.sin(2 * seconds), size[1] / 2 - height / 2]
        return np.asarray(
            cv2.warpAffine(source, turn, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )

    return draw


def list_packets(path: Path, kind: str) -> list[tuple[float, bytes]]:
    """(seconds, bytes) of every packet of the first stream of a kind, "video" or "audio"."""
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [
            (float((packet.pts or 0) * (packet.time_base or 0)), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def list_times(path: Path) -> list[float]:
    """When each picture is shown, in seconds."""
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def read_rgb(path: Path, number: int) -> Pixels:
    """(H, W, 3) of one picture, as FFmpeg reads it."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return np.asarray(frames[number].to_ndarray(format="rgb24"), np.uint8)


def _add_tone(container: Any, stream: AudioStream, seconds: float) -> None:
    count = int(48_000 * seconds)
    wave = (np.sin(np.arange(count) * 2 * np.pi * 440 / 48_000) * 8000).astype(np.int16)
    for start in range(0, count, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
