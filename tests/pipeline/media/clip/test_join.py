"""Segments become one file: every picture at its own time, sound byte for byte, rotation and names as they were."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import pytest

from mien_core.errors import InvalidOptions, MarkingFailed
from mien_pipeline.media.clip.encoders import ENCODERS, Codec, choose_encoder, require_encoder
from mien_pipeline.media.clip.frames import read_frames, read_pictures
from mien_pipeline.media.clip.join import Span, join
from mien_pipeline.media.clip.probe import ClipInfo, probe_clip
from mien_pipeline.media.clip.segment import EncoderSettings, write_segment
from mien_testing.clips import Recipe, list_packets, list_times, make_clip

UNEVEN = tuple(33 * each + 10 * (each % 3) for each in range(26))


def write_segments(clip: ClipInfo, folder: Path, wanted: Codec | None, length: int = 10) -> tuple[list[Path], Span]:
    settings = EncoderSettings(choose_encoder(clip, wanted), 70)
    times = [time for time, _ in read_pictures(clip)]
    paths: list[Path] = []
    for first in range(0, len(times), length):
        paths.append(folder / f"{first}.mp4")
        write_segment(paths[-1], read_frames(clip, times[first : first + length]), clip, settings)
    return paths, Span(tuple(times), times[-1] + times[1] - times[0])


@pytest.mark.parametrize("wanted", [None, "h264", "hevc", "vp9"])
def test_every_picture_keeps_its_time_and_sound_its_bytes(tmp_path: Path, wanted: Codec | None) -> None:
    source = make_clip(tmp_path / "a.mp4", Recipe(times=UNEVEN, rate=None, tone=0.9, rotation=90))
    clip = probe_clip(source)
    paths, span = write_segments(clip, tmp_path, wanted)
    join(tmp_path / "made.mp4", paths, clip, span, "made")
    assert list_times(tmp_path / "made.mp4") == list_times(source)
    assert list_packets(tmp_path / "made.mp4", "audio") == list_packets(source, "audio")
    made = probe_clip(tmp_path / "made.mp4")
    assert (made.size, made.rotation, made.frames) == (clip.size, 90, len(UNEVEN))


def test_language_title_and_chapters_go_along_and_places_do_not(tmp_path: Path) -> None:
    source = tmp_path / "a.mkv"
    with av.open(str(make_clip(tmp_path / "plain.mp4", Recipe(tone=0.8)))) as plain, av.open(str(source), "w") as made:
        streams = {each.index: made.add_stream_from_template(each, opaque=True) for each in plain.streams}
        streams[1].metadata["language"], streams[1].metadata["title"] = "deu", "Kommentar"
        made.metadata["location"] = "+48.1-011.5/"
        made.set_chapters(
            cast(
                "Any", [{"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}]
            )
        )
        for packet in plain.demux():
            if packet.size:
                packet.stream = cast("Any", streams[packet.stream_index])
                made.mux(packet)
    clip = probe_clip(source)
    paths, span = write_segments(clip, tmp_path, None)
    join(tmp_path / "made.mp4", paths, clip, span, "made")
    with av.open(str(tmp_path / "made.mp4")) as container:
        assert container.streams.audio[0].language == "deu"
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["One"]
        assert "location" not in container.metadata


def test_a_part_of_a_clip_begins_at_time_nought_with_its_own_sound(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", Recipe(times=tuple(range(60)), tone=2.0))
    clip = probe_clip(source)
    times = [time for time, _ in read_pictures(clip, 0.5, 1.0)]
    settings = EncoderSettings(choose_encoder(clip, None), 70)
    write_segment(tmp_path / "s.mp4", read_frames(clip, times), clip, settings)
    step = times[1] - times[0]
    join(tmp_path / "made.mp4", [tmp_path / "s.mp4"], clip, Span(tuple(times), times[-1] + step, False), "made")
    assert list_times(tmp_path / "made.mp4") == pytest.approx([each / 30 for each in range(15)])
    sound = list_packets(tmp_path / "made.mp4", "audio")
    source_packets = [data for _, data in list_packets(source, "audio")]
    assert [data for _, data in sound] == source_packets[source_packets.index(sound[0][1]) :][: len(sound)]
    assert 0 <= sound[0][0] < 0.03
    assert sound[-1][0] < 0.5


def test_segments_of_two_encoders_are_not_joined(tmp_path: Path) -> None:
    clip = probe_clip(make_clip(tmp_path / "a.mp4"))
    (tmp_path / "one").mkdir()
    (first, *_), span = write_segments(clip, tmp_path, "h264")
    (_, *rest), _ = write_segments(clip, tmp_path / "one", None)
    with pytest.raises(MarkingFailed):
        join(tmp_path / "made.mp4", [first, *rest], clip, span, "made")


def test_the_same_pictures_make_the_same_segment(tmp_path: Path) -> None:
    clip = probe_clip(make_clip(tmp_path / "a.mp4"))
    (tmp_path / "again").mkdir()
    one, _ = write_segments(clip, tmp_path, None)
    two, _ = write_segments(clip, tmp_path / "again", None)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_by_default_no_encoder_under_the_gpl_is_used(tmp_path: Path) -> None:
    clip = probe_clip(make_clip(tmp_path / "a.mp4"))
    assert choose_encoder(clip, None).name not in {"libx264", "libx265"}
    assert {each.codec for each in ENCODERS if not each.is_hardware} == {"av1", "h264", "hevc", "vp9"}


def test_an_odd_size_is_refused_where_the_codec_cannot_hold_it(tmp_path: Path) -> None:
    recipe = Recipe("libvpx-vp9", size=(161, 121), options={"deadline": "realtime", "cpu-used": "8"}, times=(0, 1, 2))
    clip = probe_clip(make_clip(tmp_path / "a.webm", recipe))
    assert choose_encoder(clip, None).codec == "av1"
    require_encoder(clip.codec, clip.size, clip.form, None)
    for refusal in (
        lambda: choose_encoder(clip, "h264"),
        lambda: require_encoder(clip.codec, clip.size, clip.form, "h264"),
    ):
        with pytest.raises(InvalidOptions, match="161 × 121") as refused:
            refusal()
        assert refused.value.fields["field"] == "encoder"


def test_an_encoder_that_is_not_there_is_refused_before_anything_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = probe_clip(make_clip(tmp_path / "a.mp4", Recipe(times=(0, 1))))
    absent = [replace(each, name="libopenh264") if each.codec == "vp9" else each for each in ENCODERS]
    monkeypatch.setattr("mien_pipeline.media.clip.encoders.ENCODERS", absent)
    require_encoder(clip.codec, clip.size, clip.form, "h264")
    with pytest.raises(InvalidOptions, match="no encoder for vp9") as refused:
        require_encoder(clip.codec, clip.size, clip.form, "vp9")
    assert refused.value.fields["field"] == "encoder"
