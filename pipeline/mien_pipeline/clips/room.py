"""What a swap of a clip is going to take, before any work."""

import shutil
from pathlib import Path

from mien_core.errors import DiskFull
from mien_pipeline.clip_options import ClipOptions
from mien_pipeline.media.clip.probe import ClipInfo, count_part


def count_wanted(clip: ClipInfo, options: ClipOptions) -> int:
    """How many pictures the part that is wanted has, as far as is known before it is read."""
    return count_part(clip.duration_s, clip.frames, options.begin_s, options.end_s)


def require_room(folder: Path, clip: ClipInfo, options: ClipOptions) -> None:
    """Return if a run in `folder` has the room that it needs.

    The segments, the joined file and the signed one take about the clip's own bytes each at most, and an animation a
    byte a pixel: a GIF of noise did.

    Raises:
        DiskFull: `needed_bytes` says what is needed.
    """
    needed = 2 * clip.path.stat().st_size
    if options.format != "mp4":
        needed += count_wanted(clip, options) * clip.size[0] * clip.size[1]
    if shutil.disk_usage(folder).free < needed:
        raise DiskFull("there is no room for the clip's segments", folder=str(folder), needed_bytes=needed)
