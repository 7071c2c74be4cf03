"""GIF, WebP and APNG become clips: every picture as long as it was, transparency on white."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien_core.errors import UnsupportedClip
from mien_pipeline.media.clip.animated import convert_animation, is_animated
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.media.kinds import looks_like_clip, read_head
from mien_testing.clips import draw_square, list_times, read_rgb


def save(path: Path, durations: list[int]) -> Path:
    pictures = [PIL.Image.fromarray(draw_square(number * 5, (96, 70))) for number in range(len(durations))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return path


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animation_becomes_a_clip_with_its_own_times(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", [100, 200, 50, 400])
    assert looks_like_clip(read_head(path))
    assert is_animated(path)
    convert_animation(path, tmp_path / "a.mkv")
    assert list_times(tmp_path / "a.mkv") == pytest.approx([0, 0.1, 0.3, 0.35])
    assert probe_clip(tmp_path / "a.mkv").frames == 4
    seen = read_rgb(tmp_path / "a.mkv", 1)[64:, 80:].astype(int)
    assert np.abs(seen - draw_square(5, (96, 70))[64:, 80:]).mean() < 12


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    pictures = [PIL.Image.new("RGBA", (64, 64), (255, 0, 0, 0)), PIL.Image.new("RGBA", (64, 64), (0, 0, 255, 255))]
    pictures[0].save(tmp_path / "a.png", save_all=True, append_images=pictures[1:], duration=100)
    convert_animation(tmp_path / "a.png", tmp_path / "a.mkv")
    assert read_rgb(tmp_path / "a.mkv", 0).min() > 245
    assert read_rgb(tmp_path / "a.mkv", 1)[..., 0].max() < 20


def test_a_still_picture_is_no_animation(tmp_path: Path) -> None:
    for suffix in ("webp", "png", "jpg"):
        PIL.Image.new("RGB", (64, 64)).save(tmp_path / f"a.{suffix}")
        assert not looks_like_clip(read_head(tmp_path / f"a.{suffix}"))
        assert not is_animated(tmp_path / f"a.{suffix}")


def test_a_damaged_animation_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gif", [100, 200, 50, 400])
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UnsupportedClip):
        convert_animation(path, tmp_path / "a.mkv")
