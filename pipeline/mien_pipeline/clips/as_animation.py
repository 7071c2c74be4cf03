"""A finished clip → an animated GIF or WebP, for those who asked for one."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.clips.analysis import MARK_PARTS, Analysis
from mien_pipeline.image import Pixels
from mien_pipeline.media.clip.animate import Animation, AnimationFormat, write_animation
from mien_pipeline.media.clip.animated import count_plays, is_animated
from mien_pipeline.media.clip.frames import read_pictures, to_upright_rgb
from mien_pipeline.media.clip.probe import ClipInfo, probe_clip
from mien_pipeline.media.metadata import CREATOR_TOOL, DESCRIPTIONS, write_packet
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.report import Edit


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of an animation: its format, and the quality of its pictures, 1..100."""

    format: AnimationFormat
    quality: int


def write_as_animation(
    joined: Path,
    path: Path,
    source: Path,
    clip: ClipInfo,
    analysis: Analysis,
    wanted: Wanted,
    edit: Edit,
    on_step: OnStep = ignore_step,
) -> None:
    """Write the finished clip `joined` to `path`, without its sound.

    Args:
        source: the file that was edited: how often an animation is shown is kept. Other clips become endless ones.
        clip, analysis: of that file; they tell the times of the pictures.
        edit: what was done; the file says so.
        on_step: told of every picture; what it raises ends the writing.

    Raises:
        OSError: the disk refuses it.
    """
    times = [time * clip.time_base for time in (*analysis.span.times, analysis.span.end)]
    plays = count_plays(source) if is_animated(source) else 0
    words = DESCRIPTIONS[edit.kind]
    xmp = write_packet(f"{CREATOR_TOOL} ({edit.engine})", words)
    how = Animation(wanted.format, times, plays, wanted.quality)
    write_animation(path, _read(probe_clip(joined), analysis, on_step), how, words, xmp)


def _read(joined: ClipInfo, analysis: Analysis, on_step: OnStep) -> Iterator[Pixels]:
    """The pictures as a player shows them; the watermark of each shot is added once more.

    256 colours hide a mark that survives any codec: 26 of its 32 bits are read of a GIF, and all where it is doubled.
    WebP has one sample of colour to four pixels: of five pictures of 200 × 150 fewer than 26 bits were read.
    """
    count = len(analysis.span.times)
    with closing(read_pictures(joined)) as pictures:
        for number, (_, picture) in enumerate(pictures):
            pixels = _make_square(to_upright_rgb(picture, joined), joined)
            yield _add(pixels, analysis.marks[analysis.shot_of(number)])
            on_step(number + 1, count)


def _make_square(pixels: Pixels, clip: ClipInfo) -> Pixels:
    """The picture with square pixels, which are all that these formats have."""
    if clip.aspect == 1:
        return pixels
    height, width = pixels.shape[:2]
    lies = clip.rotation % 180 != 0
    size = (width, round(height * clip.aspect)) if lies else (round(width * clip.aspect), height)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _add(pixels: Pixels, mark: NDArray[np.int8]) -> Pixels:
    size = (pixels.shape[1], pixels.shape[0])
    residual = cv2.resize(np.ascontiguousarray(mark.transpose(1, 2, 0)).astype(np.float32) / MARK_PARTS, size)
    return np.asarray(np.clip(np.rint(pixels + residual), 0, 255), np.uint8)
