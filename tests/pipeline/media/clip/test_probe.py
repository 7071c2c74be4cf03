"""A clip that cannot be edited is named before any work; of the others all is known that the result has to keep."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien_core.errors import ClipTooLong, HdrClip, UnsupportedClip
from mien_pipeline.media.clip.probe import MAX_SECONDS, MAX_WEBP_PIXELS, probe_clip, require_animation, require_length
from mien_testing.clips import Recipe, make_clip

KINDS = {
    "a.mp4": Recipe(),
    "a.mov": Recipe("prores_ks", "yuv422p10le", {}),
    "a.mkv": Recipe("libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
    "a.webm": Recipe("libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "a.avi": Recipe("mpeg4", options={}),
    "b.avi": Recipe("mjpeg", "yuvj420p", {}),
    "b.mp4": Recipe("libsvtav1", options={"preset": "12"}),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_clip_of_every_kind_is_known_by_its_pictures_and_seconds(tmp_path: Path, name: str) -> None:
    recipe = KINDS[name]
    found = probe_clip(make_clip(tmp_path / name, recipe))
    assert found.size == recipe.size
    assert found.frames == len(recipe.times)
    assert found.duration_s == pytest.approx(24 / 30, abs=0.04)
    assert found.form.bits == (10 if "10" in recipe.pixel_format else 8)
    assert found.audio == ()


def test_rotation_sound_and_colour_are_known(tmp_path: Path) -> None:
    tags = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 2}
    found = probe_clip(make_clip(tmp_path / "a.mp4", Recipe(rotation=90, tone=0.8, tags=tags)))
    assert (found.rotation, found.seen_size) == (90, (120, 160))
    assert [track.codec for track in found.audio] == ["aac"]
    assert (found.colour.matrix, found.colour.primaries, found.colour.transfer, found.colour.range) == (1, 1, 1, 2)


def test_an_untagged_clip_is_taken_as_players_take_it(tmp_path: Path) -> None:
    small = probe_clip(make_clip(tmp_path / "small.mp4"))
    large = probe_clip(make_clip(tmp_path / "large.mp4", Recipe(size=(64, 720), times=(0, 1))))
    assert (small.colour.matrix, large.colour.matrix) == (6, 1)


@pytest.mark.parametrize(("transfer", "said"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused_by_name(tmp_path: Path, transfer: int, said: str) -> None:
    tags = {"color_trc": transfer, "colorspace": 9, "color_primaries": 9}
    clip = make_clip(tmp_path / "a.mkv", Recipe("libx265", "yuv420p10le", {"x265-params": "log-level=none"}, tags=tags))
    with pytest.raises(HdrClip) as refused:
        probe_clip(clip)
    assert refused.value.fields["found"] == said


def cut_short(folder: Path) -> Path:
    clip = make_clip(folder / "cut.mp4", Recipe(muxer={"movflags": "+faststart"}))
    clip.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * 0.7)])
    return clip


def cut_matroska(folder: Path) -> Path:
    clip = make_clip(folder / "cut.mkv", Recipe(times=tuple(range(150))))
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    return clip


def headless(folder: Path) -> Path:
    clip = make_clip(folder / "headless.mp4")
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    return clip


def only_sound(folder: Path) -> Path:
    import av

    with av.open(str(folder / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return folder / "a.mp4"


def encrypted(folder: Path) -> Path:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0" * 32, "encryption_kid": "1" * 32}
    return make_clip(folder / "locked.mp4", Recipe(muxer=key))


def interlaced(folder: Path) -> Path:
    options = {"x264-params": "interlaced=1", "flags": "+ildct+ilme"}
    return make_clip(folder / "fields.mp4", Recipe(options=options))


def transparent(folder: Path) -> Path:
    return make_clip(folder / "alpha.mov", Recipe("prores_ks", "yuva444p10le", {}))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (cut_short, "truncated"),
        (cut_matroska, "truncated"),
        (headless, "damaged"),
        (only_sound, "no-video"),
        (encrypted, "encrypted"),
        (interlaced, "interlaced"),
        (transparent, "alpha"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_reason(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    with pytest.raises(UnsupportedClip) as refused:
        probe_clip(make(tmp_path))
    assert refused.value.fields["reason"] == reason


def test_a_clip_may_be_so_long_and_no_longer() -> None:
    require_length(MAX_SECONDS, 100)
    with pytest.raises(ClipTooLong) as refused:
        require_length(MAX_SECONDS + 1, 100)
    assert refused.value.fields["limit_s"] == MAX_SECONDS


def test_a_webp_has_so_many_pictures_and_no_more() -> None:
    """They are all in memory; a GIF's are not."""
    most = MAX_WEBP_PIXELS // (1280 * 720)
    require_animation("webp", (1280, 720), most)
    require_animation("gif", (1280, 720), most + 1)
    require_animation("mp4", (1280, 720), most + 1)
    with pytest.raises(ClipTooLong) as refused:
        require_animation("webp", (1280, 720), most + 1)
    assert refused.value.fields == {"limit_frames": most, "found": most + 1}
