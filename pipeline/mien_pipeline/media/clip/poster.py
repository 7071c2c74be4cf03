"""One picture of a clip, for a person to look at."""

from pathlib import Path

from mien_pipeline.image import Pixels
from mien_pipeline.media.clip.animated import is_animated, read_animation
from mien_pipeline.media.clip.frames import read_pictures, to_upright_rgb
from mien_pipeline.media.clip.probe import probe_clip, refuse


def show_at(path: Path, seconds: float = 0.0) -> Pixels:
    """(H, W, 3) uint8 RGB, upright: what a clip or an animation shows after so many seconds; behind its end the last.

    Raises:
        UnsupportedClip, HdrClip, ImageTooLarge: as `probe_clip` says.
    """
    if is_animated(path):
        return _show_animation(path, seconds)
    clip = probe_clip(path)
    last = clip.duration_s * (1 - 1.5 / clip.frames)  # between the last picture but one and the last
    for begin in (max(0.0, min(seconds, last)), None):
        for _, picture in read_pictures(clip, begin):
            return to_upright_rgb(picture, clip)
    raise refuse("video", "damaged", "no picture of the clip can be decoded")


def _show_animation(path: Path, seconds: float) -> Pixels:
    shown, ends_ms = None, 0
    for pixels, duration in read_animation(path):
        shown, ends_ms = pixels, ends_ms + duration
        if ends_ms > 1000 * seconds:
            break
    if shown is None:
        raise refuse("container", "damaged", "the animation has no picture")
    return shown
