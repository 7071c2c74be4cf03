"""A clip comes back as it was but for its faces: marked, at its own times, with its sound; a killed run is taken up."""

import dataclasses
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import InvalidOptions, MarkingFailed, UnsupportedClip
from mien_core.outputs import Exists, Output
from mien_models.store import ModelStore
from mien_pipeline.clip_options import ClipFormat, ClipOptions
from mien_pipeline.clips.analysis import Analysis
from mien_pipeline.clips.guests import read_guests_segment, render_as_guest, tell_of_segment
from mien_pipeline.clips.inspect import inspect_clip
from mien_pipeline.clips.journal import Journal, segment_path
from mien_pipeline.clips.orders import ANALYSIS, lay_out_orders, read_orders
from mien_pipeline.clips.report import SwappedClip, describe_clip
from mien_pipeline.clips.run_names import hash_clip, name_run
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.face import Portrait
from mien_pipeline.media.clip.animated import count_pictures, count_plays, read_animation
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnProgress, Progress, ignore_progress
from mien_pipeline.runtime import Runtime
from mien_pipeline.swap_clip import open_target
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.credentials import read
from mien_pipeline.trust.watermark import Watermark
from mien_testing.clips import Recipe, list_packets, list_times, make_clip, move_portrait, read_rgb

pytestmark = pytest.mark.slow

COUNT, SEGMENT = 20, 10


class Killed(Exception):
    """What ends a run in the tests, at the step that they choose."""


Swap = Callable[..., SwappedClip]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, astronaut: Portrait) -> Path:
    draw = move_portrait(astronaut.image.pixels[:400])
    recipe = Recipe(size=(256, 192), times=tuple(range(COUNT)), tone=0.7)
    return make_clip(tmp_path_factory.mktemp("clips") / "a.mp4", recipe, draw)


@pytest.fixture(scope="module")
def reference(models: ModelStore) -> bytes:
    return models.path("demo-portraits", "mona_lisa.jpg").read_bytes()


@pytest.fixture(scope="module")
def swap(models: ModelStore, tmp_path_factory: pytest.TempPathFactory, reference: bytes) -> Swap:
    state = tmp_path_factory.mktemp("state")
    runtime = Runtime(models, Authority(state))

    def run(
        source: Path,
        out: Path,
        clip_options: ClipOptions | None = None,
        options: SwapOptions | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> SwappedClip:
        clip_options, options = clip_options or ClipOptions(), options or MeshOptions()
        folder = state / "clips" / name_run(hash_clip(source), [[reference]], options, clip_options)
        output = Output(out, Exists.REPLACE)
        target = open_target(source, clip_options, folder, lambda make: output.make(make))
        try:
            made = runtime.swap_clip(dataclasses.replace(target, segment=SEGMENT), [reference], options, on_progress)
        except Killed:
            assert not {path.suffix for path in folder.iterdir()} & {".part", ".bare"}, "half a result is kept"
            raise
        assert not folder.exists()
        return made

    return run


@pytest.fixture(scope="module")
def swapped(clip: Path, swap: Swap, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SwappedClip]:
    out = tmp_path_factory.mktemp("made") / "out.mp4"
    return out, swap(clip, out)


def test_pictures_keep_their_times_and_sound_its_bytes(clip: Path, swapped: tuple[Path, SwappedClip]) -> None:
    assert list_times(swapped[0]) == list_times(clip)
    assert list_packets(swapped[0], "audio") == list_packets(clip, "audio")


def test_the_face_is_the_references_and_the_rest_is_as_it_was(clip: Path, swapped: tuple[Path, SwappedClip]) -> None:
    out, made = swapped
    (person,) = made.people
    assert (person.frames, person.swapped) == (COUNT, COUNT)
    assert person.identity is not None
    assert person.identity.to_reference > person.identity.before + 0.2
    x1, y1, x2, y2 = (int(edge) for edge in person.bbox)
    before, after = read_rgb(clip, 0).astype(float), read_rgb(out, 0).astype(float)
    change = np.abs(after - before).mean(2)
    assert change[y1:y2, x1:x2].mean() > 3 * change[:, : x1 - 30].mean()
    assert change[:, : x1 - 30].mean() < 4  # an encoder's, and the watermark's


def test_the_file_says_what_it_is(clip: Path, swapped: tuple[Path, SwappedClip]) -> None:
    found = read(swapped[0], "video/mp4")
    assert found.state == "valid"
    assert "c2pa.edited" in found.actions
    assert [parent.state for parent in found.parents] == ["none"]
    assert swapped[1].provenance.c2pa
    assert swapped[1].provenance.watermark in {"strong", "weak"}


def test_the_clip_can_be_asked_what_it_is(swapped: tuple[Path, SwappedClip], clip: Path, models: ModelStore) -> None:
    watermark = Watermark(models.path("watermark"))
    found = inspect_clip(swapped[0], watermark, "")
    assert found.credentials.state == "valid"
    assert found.watermark is not None
    assert found.watermark.strength == swapped[1].provenance.watermark
    assert "comment" in found.metadata
    own = inspect_clip(clip, watermark, "")
    assert (own.credentials.state, own.watermark and own.watermark.strength) == ("none", "none")


def test_the_report_has_what_scripts_rely_on(swapped: tuple[Path, SwappedClip]) -> None:
    report = describe_clip(swapped[1])
    assert {"engine", "seconds", "stages", "size", "faces", "provenance", "models", "video", "people"} <= set(report)
    video = report["video"]
    assert isinstance(video, dict)
    assert video == {
        "frames": COUNT,
        "duration_s": pytest.approx(COUNT / 30, abs=0.01),
        "size": [256, 192],
        "encoder": "libsvtav1",
        "audio": "copied",
        "segments": 2,
        "resumed": False,
    }


def test_a_run_that_was_ended_goes_on_and_makes_the_same_pictures(
    clip: Path, swap: Swap, swapped: tuple[Path, SwappedClip], tmp_path: Path
) -> None:
    def kill(at: Progress) -> None:
        if at.stage == "generate" and at.done == COUNT - 5:
            raise Killed

    with pytest.raises(Killed):
        swap(clip, tmp_path / "out.mp4", on_progress=kill)
    assert not (tmp_path / "out.mp4").exists()
    steps: list[Progress] = []
    made = swap(clip, tmp_path / "out.mp4", on_progress=steps.append)
    assert made.video.resumed
    assert min(at.done for at in steps if at.stage == "generate" and at.done) > SEGMENT
    assert list_packets(tmp_path / "out.mp4", "video") == list_packets(swapped[0], "video")
    assert dataclasses.replace(made.people[0], identity=None) == dataclasses.replace(
        swapped[1].people[0], identity=None
    )


def swap_in_run(runtime: Runtime, clip: Path, reference: bytes, run: Path, out: Path, visit: OnProgress) -> SwappedClip:
    """Swap the clip into `out` by way of the folder `run`, in segments of `SEGMENT` pictures."""
    output = Output(out, Exists.REPLACE)
    target = open_target(clip, ClipOptions(), run, lambda make: output.make(make))
    return runtime.swap_clip(dataclasses.replace(target, segment=SEGMENT), [reference], MeshOptions(), visit)


def test_a_guest_that_renders_a_segment_makes_the_same_pictures(
    clip: Path, reference: bytes, models: ModelStore, swapped: tuple[Path, SwappedClip], tmp_path: Path
) -> None:
    """In the same process, when the leader has made its first picture: it is at the first segment then."""
    runtime, guest, run, made_by_guest = (
        Runtime(models, Authority(tmp_path)),
        Runtime(models, None),
        tmp_path / "run",
        [0],
    )

    def visit(at: Progress) -> None:
        if at.stage == "generate" and at.done == 1:
            made_by_guest[0] += render_as_guest(
                run,
                lambda clip, order: guest.open_segments(clip, run, order, [reference], MeshOptions()),
                lambda: None,
            )

    made = swap_in_run(runtime, clip, reference, run, tmp_path / "out.mp4", visit)
    assert made_by_guest == [1]
    assert list_packets(tmp_path / "out.mp4", "video") == list_packets(swapped[0], "video")
    assert made.people[0].swapped == COUNT
    assert not run.exists()


def test_a_segment_is_made_from_its_own_tracks_alone_as_another_machine_makes_it(
    clip: Path, reference: bytes, models: ModelStore, swapped: tuple[Path, SwappedClip], tmp_path: Path
) -> None:
    """The second segment goes out as a run of its own, whose analysis has what shows in it, and comes back."""
    runtime, guest, run, away = Runtime(models, Authority(tmp_path)), Runtime(models, None), tmp_path / "run", [0]

    def visit(at: Progress) -> None:
        if at.stage != "generate" or at.done != 1:
            return
        elsewhere = Journal(tmp_path / "elsewhere").folder
        path, (_, order) = read_orders(run)
        analysis = Analysis.load(run / ANALYSIS)
        assert analysis is not None
        analysis.cut(order.first, order.stop).save(elsewhere / ANALYSIS)
        lay_out_orders(elsewhere, path, [order])
        away[0] += render_as_guest(
            elsewhere,
            lambda clip, order: guest.open_segments(clip, elsewhere, order, [reference], MeshOptions()),
            lambda: None,
        )
        made = read_guests_segment(elsewhere, order.number)
        assert made is not None
        runtime.check_segment(segment_path(elsewhere, order.number), made.count)
        shutil.copy(segment_path(elsewhere, order.number), run)
        tell_of_segment(run, made)

    made = swap_in_run(runtime, clip, reference, run, tmp_path / "out.mp4", visit)
    assert away == [1]
    assert list_packets(tmp_path / "out.mp4", "video") == list_packets(swapped[0], "video")
    assert made.people[0].swapped == COUNT
    with pytest.raises(MarkingFailed, match="instead of 9"):
        runtime.check_segment(swapped[0], 9)
    with pytest.raises(MarkingFailed, match="watermark"):
        runtime.check_segment(clip, COUNT)


def test_an_animation_becomes_a_clip(swap: Swap, astronaut: Portrait, tmp_path: Path) -> None:
    import PIL.Image

    draw = move_portrait(astronaut.image.pixels[:400])
    pictures = [PIL.Image.fromarray(draw(number, (200, 150))) for number in range(5)]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:], duration=[80, 200, 80, 40, 80])
    made = swap(tmp_path / "a.webp", tmp_path / "out.mp4")
    assert made.people[0].swapped == 5
    assert list_times(tmp_path / "out.mp4") == pytest.approx([0, 0.08, 0.28, 0.36, 0.4])
    assert made.video.duration_s == pytest.approx(0.48)
    assert probe_clip(tmp_path / "out.mp4").duration_s == pytest.approx(0.48)


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_an_animation_stays_one_where_it_is_asked_for(
    swap: Swap, astronaut: Portrait, models: ModelStore, tmp_path: Path, format: ClipFormat
) -> None:
    """With its times, its rounds, and marks that are read from the file itself."""
    import PIL.Image

    draw = move_portrait(astronaut.image.pixels[:400])
    pictures = [PIL.Image.fromarray(draw(number, (200, 150))) for number in range(5)]
    durations = [80, 200, 80, 40, 120]
    source, out = tmp_path / "a.gif", tmp_path / f"out.{format}"
    pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=durations, loop=3)
    made = swap(source, out, ClipOptions(format=format))
    assert made.people[0].swapped == 5
    assert (made.video.encoder, made.video.audio) == (format, "none")
    assert "new-codec" not in made.warnings
    assert [duration for _, duration in read_animation(out)] == durations
    assert count_plays(out) == count_plays(source) == 4
    found = inspect_clip(out, Watermark(models.path("watermark")), "")
    assert (found.credentials.state, "c2pa.edited" in found.credentials.actions) == ("valid", True)
    assert found.watermark is not None
    assert found.watermark.strength == made.provenance.watermark != "none"
    assert any("replaced by software" in str(words) for words in found.metadata.values())


def test_a_clip_that_becomes_an_animation_says_what_it_loses_and_can_be_ended_while_it_is_written(
    swap: Swap, astronaut: Portrait, tmp_path: Path
) -> None:
    """Its sound, and of 60 pictures a second those that a GIF cannot show."""
    recipe = Recipe(size=(192, 144), times=tuple(range(7)), rate=60, tone=0.1)
    clip = make_clip(tmp_path / "a.mp4", recipe, move_portrait(astronaut.image.pixels[:400]))
    steps: list[Progress] = []

    def kill(at: Progress) -> None:
        steps.append(at)
        if (at.stage, at.done) == ("mark", 2):
            raise Killed

    with pytest.raises(Killed):
        swap(clip, tmp_path / "out.gif", ClipOptions(format="gif"), on_progress=kill)
    assert [(at.done, at.total) for at in steps if at.stage == "mark"] == [(0, 1), (1, 7), (2, 7)]
    made = swap(clip, tmp_path / "out.gif", ClipOptions(format="gif"))
    assert made.warnings == ("audio-dropped",)
    assert count_plays(tmp_path / "out.gif") == 0
    assert made.video.frames == count_pictures(tmp_path / "out.gif") == 5
    assert made.people[0].frames == 7


def test_a_turned_clip_is_swapped_upright_and_stays_turned(swap: Swap, astronaut: Portrait, tmp_path: Path) -> None:
    draw = move_portrait(astronaut.image.pixels[:400])
    recipe = Recipe(size=(192, 256), times=tuple(range(4)), rotation=90)

    def draw_lying(number: int, size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.ascontiguousarray(np.rot90(draw(number, (size[1], size[0])), -1))

    made = swap(make_clip(tmp_path / "a.mp4", recipe, draw_lying), tmp_path / "out.mp4")
    assert made.people[0].swapped == 4
    assert made.video.size == (256, 192)
    assert Fraction(made.video.duration_s).limit_denominator(1000) == Fraction(4, 30).limit_denominator(1000)


@pytest.mark.parametrize(
    ("options", "field"),
    [(ClipOptions(begin_s=3), "from"), (ClipOptions(begin_s=1, end_s=0.5), "from")],
)
def test_a_part_that_is_not_there_is_refused(clip: Path, swap: Swap, options: ClipOptions, field: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        swap(clip, clip.with_name("out.mp4"), options)
    assert refused.value.fields["field"] == field


def test_a_person_that_is_not_there_is_refused(clip: Path, swap: Swap, tmp_path: Path) -> None:
    part = ClipOptions(end_s=0.1)
    with pytest.raises(InvalidOptions) as refused:
        swap(clip, tmp_path / "out.mp4", part, MeshOptions(faces=(0, 1)))
    assert refused.value.fields["found"] == 1


def test_a_clip_cut_short_leaves_no_file(clip: Path, swap: Swap, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(UnsupportedClip):
        swap(tmp_path / "cut.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
