"""What a clip is, as the process that reads headers says it before a job is taken."""

from pathlib import Path

import PIL.Image
import pytest

from mien_core.errors import ClipTooLong
from mien_daemon.pictures.preview_process import read_clip
from mien_daemon.worker.messages import ReadClip
from mien_pipeline.media.clip import probe
from mien_testing.clips import Recipe, draw_square, make_clip


def make_gif(path: Path) -> Path:
    first, *others = [PIL.Image.fromarray(draw_square(number, (160, 120))) for number in range(10)]
    first.save(path, save_all=True, append_images=others, duration=100)
    return path


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_a_webp_of_too_many_pictures_is_refused_before_the_job_is_taken(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the part that is wanted count, and another format has no such limit."""
    path = tmp_path / f"a.{kind}"
    clip = str(make_gif(path) if kind == "gif" else make_clip(path, Recipe(size=(160, 120), times=range(10), rate=10)))
    monkeypatch.setattr(probe, "MAX_WEBP_PIXELS", 5 * 160 * 120)
    assert read_clip(ReadClip(clip, None, None, "auto", "mp4")).frames == 10
    assert read_clip(ReadClip(clip, None, None, "auto", "gif")).frames == 10
    assert read_clip(ReadClip(clip, 0.2, 0.7, "auto", "webp")).frames == 10
    with pytest.raises(ClipTooLong) as refused:
        read_clip(ReadClip(clip, 0.2, 0.8, "auto", "webp"))
    assert refused.value.fields == {"limit_frames": 5, "found": 6}
