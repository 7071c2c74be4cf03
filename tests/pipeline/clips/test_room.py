"""A swap of a clip asks for the room that it is going to need, before any work."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien_core.errors import DiskFull
from mien_pipeline.clip_options import ClipFormat, ClipOptions
from mien_pipeline.clips.room import require_room
from mien_pipeline.media.clip.probe import probe_clip
from mien_testing.clips import Recipe, make_clip


@pytest.mark.parametrize(("format", "pixels"), [("mp4", 0), ("gif", 12 * 160 * 120), ("webp", 12 * 160 * 120)])
def test_an_animation_needs_a_byte_a_pixel_of_the_part_beside_the_segments(
    format: ClipFormat, pixels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = probe_clip(make_clip(tmp_path / "a.mp4", Recipe(size=(160, 120), times=tuple(range(24)))))
    needed = 2 * clip.path.stat().st_size + pixels
    free = [needed]
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free[0]))  # pyright: ignore[reportUnknownLambdaType]
    wanted = ClipOptions(format=format, end_s=0.4)
    require_room(tmp_path, clip, wanted)
    free[0] -= 1
    with pytest.raises(DiskFull) as refused:
        require_room(tmp_path, clip, wanted)
    assert refused.value.fields["needed_bytes"] == needed
