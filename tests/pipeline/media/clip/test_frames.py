"""Pictures come upright, with the clip's own matrix, from any place; what an edit leaves alone stays bit for bit."""

from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import UnsupportedClip
from mien_pipeline.media.clip.frames import Region, read_frames, read_pictures, to_upright_rgb
from mien_pipeline.media.clip.probe import probe_clip
from mien_testing.clips import Recipe, draw_square, make_clip

LOSSLESS = {"crf": "1", "preset": "veryfast"}
FORMS = {
    "601": Recipe(options=LOSSLESS),
    "709": Recipe(options=LOSSLESS, tags={"colorspace": 1, "color_primaries": 1, "color_trc": 1}),
    "full": Recipe(options=LOSSLESS, tags={"color_range": 2}),
    "ten bits": Recipe(pixel_format="yuv420p10le", options=LOSSLESS),
    "odd": Recipe("libvpx-vp9", size=(161, 121), options={"deadline": "realtime", "cpu-used": "8", "crf": "4"}),
    "half a turn": Recipe(options=LOSSLESS, rotation=180),
    "a quarter": Recipe(options=LOSSLESS, rotation=90),
    "three quarters": Recipe(options=LOSSLESS, rotation=270),
}
# A gradient without the square's edges, where half the colour resolution makes differences of its own.
PLAIN = Region(64, 70, 110, 116)


@pytest.mark.parametrize("name", FORMS)
def test_a_part_of_a_picture_has_the_colours_that_were_drawn(tmp_path: Path, name: str) -> None:
    recipe = FORMS[name]
    clip = probe_clip(make_clip(tmp_path / ("a.webm" if "vp9" in recipe.codec else "a.mp4"), recipe))
    times = [time for time, _ in read_pictures(clip)]
    frame = next(iter(read_frames(clip, times[5:6])))
    drawn = np.rot90(draw_square(5, recipe.size), recipe.rotation // 90)
    region = Region.around((64.0, 70.0, 109.0, 115.0), 0.0, clip)
    part = drawn[region.top : region.bottom, region.left : region.right]
    assert part.shape == frame.read_region(region).shape
    assert np.abs(frame.read_region(region).astype(int) - part).mean() < 5


@pytest.mark.parametrize("name", FORMS)
def test_an_edit_is_seen_in_its_part_and_nowhere_else(tmp_path: Path, name: str) -> None:
    recipe = FORMS[name]
    clip = probe_clip(make_clip(tmp_path / ("a.webm" if "vp9" in recipe.codec else "a.mp4"), recipe))
    times = [time for time, _ in read_pictures(clip)]
    (frame,) = read_frames(clip, times[3:4])
    region = Region.around((64.0, 70.0, 109.0, 115.0), 0.0, clip)
    before, planes = frame.read_region(region), [plane.copy() for plane in frame.planes]
    frame.change_region(region, before, before)
    assert all(np.array_equal(old, new) for old, new in zip(planes, frame.planes, strict=True))
    after = np.clip(before.astype(int) + 40, 0, 255).astype(np.uint8)
    frame.change_region(region, before, after)
    assert np.abs(frame.read_region(region).astype(int) - after).mean() < 3
    left, top, right, bottom = region.as_stored(clip)
    for old, new, half in zip(planes, frame.planes, (1, 2, 2), strict=True):
        changed = old != new
        changed[top // half : -(-bottom // half), left // half : -(-right // half)] = False
        assert not changed.any()


def test_pictures_are_read_from_any_place_on(tmp_path: Path) -> None:
    """The clip has one key picture; its times are uneven."""
    times = tuple(int(each) for each in np.cumsum([33, 67, 100, 33] * 10))
    clip = probe_clip(make_clip(tmp_path / "a.mp4", Recipe(times=times, rate=None, options={"g": "100", "bf": "2"})))
    whole = [(time, to_upright_rgb(picture, clip)) for time, picture in read_pictures(clip)]
    shown = [time for time, _ in whole]
    assert [float(time * clip.time_base) for time in shown] == pytest.approx([each / 1000 for each in times])
    for start in (0, 7, 31):
        assert [frame.time for frame in read_frames(clip, shown[start : start + 5])] == shown[start : start + 5]


def test_a_file_that_is_another_one_by_now_is_refused(tmp_path: Path) -> None:
    clip = probe_clip(make_clip(tmp_path / "a.mp4"))
    times = [time for time, _ in read_pictures(clip)]
    make_clip(tmp_path / "a.mp4", Recipe(times=(0, 1, 2)))
    with pytest.raises(UnsupportedClip):
        list(read_frames(clip, times[10:12]))


@pytest.mark.parametrize("first", [0, 45])
def test_seconds_count_from_the_first_picture_whatever_time_it_has(tmp_path: Path, first: int) -> None:
    """A clip that was cut out of a longer one may begin at any time; players show 0 there."""
    recipe = Recipe("ffv1", times=tuple(range(first, first + 24)), options={})
    clip = probe_clip(make_clip(tmp_path / "a.mkv", recipe))
    whole = [time for time, _ in read_pictures(clip)]
    assert clip.start == whole[0]
    assert float(clip.start * clip.time_base) == pytest.approx(first / 30, abs=0.001)
    assert [time for time, _ in read_pictures(clip, 0.2, 0.4)] == whole[6:12]
    assert [time for time, _ in read_pictures(clip, 0.0, None)] == whole
