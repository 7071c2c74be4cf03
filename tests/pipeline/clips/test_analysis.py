"""An analysis can be cut to one segment: what shows in it is all there, under the numbers of the whole."""

from typing import Any

import numpy as np

from mien_pipeline.clips.analysis import Analysis, TrackPlan
from mien_pipeline.media.clip.join import Span


def track(person: int, first: int, stop: int) -> TrackPlan:
    nothing: Any = np.zeros(stop - first, np.bool_)
    meshes = np.zeros((stop - first, 468, 3), np.float32)
    return TrackPlan(person, first, meshes, np.ones(stop - first, np.float32), nothing, nothing, nothing, nothing)


def test_a_cut_has_the_tracks_and_the_watermarks_of_its_pictures_and_no_others() -> None:
    tracks = (track(0, 0, 10), track(1, 5, 10), track(0, 10, 25), track(0, 25, 40))
    marks: Any = np.arange(4, dtype=np.int8)[:, None, None, None] * np.ones((1, 3, 2, 2), np.int8)
    whole = Analysis(Span(tuple(range(40)), 40), (0, 10, 25, 33), (), tracks, marks, "dlib")
    for first, stop in ((0, 40), (0, 5), (8, 12), (10, 25), (24, 26), (30, 40)):
        cut = whole.cut(first, stop)
        assert cut.span == whole.span
        for number in range(first, stop):
            seen = [each for each in tracks if each.first <= number < each.stop]
            assert [each for each in cut.tracks if each.first <= number < each.stop] == seen
            np.testing.assert_array_equal(cut.marks[cut.shot_of(number)], marks[whole.shot_of(number)])
    assert whole.cut(10, 25).tracks == (tracks[2],)
    assert len(whole.cut(10, 25).marks) == 1
