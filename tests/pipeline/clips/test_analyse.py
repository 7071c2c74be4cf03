"""One look at a clip finds its shots, its people across cuts, and where a face is covered; content is checked first."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import ContentBlocked, NoFaceFound
from mien_models.store import ModelStore
from mien_pipeline.clips.analyse import analyse
from mien_pipeline.clips.analysis import Analysis, cut_into_segments
from mien_pipeline.clips.checks import find_checks
from mien_pipeline.face import Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.progress import ignore_step
from mien_pipeline.trust.watermark import Watermark
from mien_testing.clips import Recipe, make_clip, move_portrait

SIZE, COUNT = (320, 240), 30


class Allow:
    """A content check of the protocol that blocks after so many looks; it counts."""

    def __init__(self, passes: int = 1000) -> None:
        self.passes, self.looks = passes, 0

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        self.looks += 1
        if self.looks > self.passes:
            raise ContentBlocked("blocked", stage=stage)


class PlainMark:
    """In place of the watermark's network, which takes seconds a shot and has tests of its own."""

    def mark_shot(self, pictures: list[Floats]) -> Floats:
        return np.ones_like(pictures[0])


@pytest.fixture(scope="module")
def look(models: ModelStore, detector: MeshDetector) -> Callable[..., Analysis]:
    embedder = DlibEmbedder(models.read("identity-score"))

    def run(path: Path, check: Allow | None = None, part: tuple[float | None, float | None] = (None, None)) -> Analysis:
        mark: Watermark = PlainMark()  # type: ignore[assignment]
        return analyse(probe_clip(path), part, detector, embedder, check or Allow(), mark, ignore_step)

    return run


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory, astronaut: Portrait, admiral: Portrait) -> Path:
    draw = move_portrait(astronaut.image.pixels[:400], admiral.image.pixels[:500], 18)

    def with_return(number: int, size: tuple[int, int]) -> Pixels:
        return draw(number if number < 24 else number - 24, size)

    path = tmp_path_factory.mktemp("clips") / "two.mp4"
    return make_clip(path, Recipe(size=SIZE, times=tuple(range(COUNT))), with_return)


def test_shots_and_people_are_told_apart_and_who_comes_back_is_known(
    two_shots: Path, look: Callable[..., Analysis]
) -> None:
    check = Allow()
    found = look(two_shots, check)
    assert found.shots == (0, 18, 24)
    assert check.looks == 3
    assert len(find_checks(found.span.times, found.shots, probe_clip(two_shots).time_base)) == 3
    assert len(found.people) == 2
    assert [track.person for track in found.tracks] == [0, 1, 0]
    assert found.list_spans(0) == [(0, 18), (24, COUNT)]
    assert all((track.shares == 1).all() for track in found.tracks)


def test_what_was_found_is_kept_whole(two_shots: Path, look: Callable[..., Analysis], tmp_path: Path) -> None:
    found = look(two_shots)
    found.save(tmp_path / "a.npz")
    kept = Analysis.load(tmp_path / "a.npz")
    assert kept is not None
    assert (kept.span, kept.shots, kept.recogniser) == (found.span, found.shots, found.recogniser)
    for one, other in zip(found.tracks, kept.tracks, strict=True):
        assert np.array_equal(one.meshes, other.meshes)
        assert np.array_equal(one.shares, other.shares)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-200])
    assert Analysis.load(tmp_path / "a.npz") is None


def test_a_part_is_looked_at_alone(two_shots: Path, look: Callable[..., Analysis]) -> None:
    found = look(two_shots, part=(0.2, 0.5))
    assert len(found.span.times) == 9
    assert not found.span.is_whole


def test_what_the_check_blocks_is_not_looked_at_further(two_shots: Path, look: Callable[..., Analysis]) -> None:
    check = Allow(passes=0)
    with pytest.raises(ContentBlocked) as blocked:
        look(two_shots, check)
    assert blocked.value.fields["stage"] == "target"
    assert check.looks == 1


def test_what_is_blocked_in_the_last_picture_that_is_checked_blocks_the_clip(
    two_shots: Path, look: Callable[..., Analysis]
) -> None:
    """The check works beside the search for faces; a clip is not known before it has passed. Who is refused is told
    when, and can leave that part out."""
    allow = Allow()
    look(two_shots, allow)
    with pytest.raises(ContentBlocked, match=r"at 0\.8 s") as blocked:
        look(two_shots, Allow(passes=allow.looks - 1))
    assert blocked.value.fields == {"stage": "target", "at_s": 0.8}
    assert look(two_shots, Allow(passes=allow.looks - 1), (None, 0.8)).span.times


def test_a_clip_without_a_face_is_refused(tmp_path: Path, look: Callable[..., Analysis]) -> None:
    with pytest.raises(NoFaceFound) as refused:
        look(make_clip(tmp_path / "a.mp4", Recipe(times=tuple(range(6)))))
    assert refused.value.fields["role"] == "target"


@pytest.mark.parametrize("colour", [(70, 110, 60), (190, 140, 115)], ids=["green", "skin"])
def test_a_face_that_is_covered_is_left_alone_and_comes_back(
    tmp_path: Path, astronaut: Portrait, look: Callable[..., Analysis], colour: tuple[int, int, int]
) -> None:
    draw = move_portrait(astronaut.image.pixels[:400])

    def cover(number: int, size: tuple[int, int]) -> Pixels:
        pixels = draw(number, size)
        if 14 <= number < 20:
            pixels[75:120, 115:195] = colour
        return pixels

    found = look(make_clip(tmp_path / "a.mp4", Recipe(size=SIZE, times=tuple(range(COUNT))), cover))
    (track,) = found.tracks
    assert track.covered.nonzero()[0].tolist() == list(range(14, 20))
    assert (track.shares[14:20] == 0).all()
    assert track.shares[0] == track.shares[-1] == 1


@pytest.mark.parametrize("count", [1, 15, 48, 63, 64, 65, 200])
def test_segments_hold_every_picture_once_and_none_is_short(count: int) -> None:
    cuts = cut_into_segments(count, 48)
    assert [number for first, stop in cuts for number in range(first, stop)] == list(range(count))
    assert all(stop - first >= min(count, 16) for first, stop in cuts)


@pytest.mark.parametrize("count", [64, 96, 150, 200, 300])
def test_two_processes_have_as_many_pictures_each_to_make(count: int) -> None:
    lengths = [stop - first for first, stop in cut_into_segments(count, 48)]
    assert len(lengths) % 2 == 0
    assert max(lengths) <= min(min(lengths) + 1, 48)
