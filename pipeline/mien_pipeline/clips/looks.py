"""Which pictures of a track are looked at, rendered by the engine, and measured."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from mien_pipeline.clips.analysis import TrackPlan

# Pictures of a track from one at which likeness is measured to the next, at most, and how many are measured at least:
# dlib's network takes as long as half of a rendered face.
SCORE_EVERY, SCORED = 30, 4
# Pictures of a track whose face comes to look otherwise: networks and masks of hair take longer than all else of a
# rendered face.
LOOK_EVERY = 12


def find_scored(track: TrackPlan) -> frozenset[int]:
    """The places of a track's pictures at which likeness is measured, evenly over those that show the whole swap."""
    shown = np.flatnonzero(track.shares >= 1)
    return frozenset(shown[:: min(SCORE_EVERY, max(1, len(shown) // SCORED))].tolist())


def find_looks(track: TrackPlan, first: int, stop: int, apart: int) -> list[int]:
    """The pictures at which engines look at a track's face, so that `first` to before `stop` can be rendered.

    Every `apart`th of them, the one after the last, where the neighbouring segment looks too, and each with a change:
    where a swap fades, or something passes that is too small for that and would be painted over between two looks.
    Around where a face comes to look otherwise it is every `LOOK_EVERY`th.
    """
    places = np.arange(len(track.shares))
    changes = np.cumsum(track.drifted)
    near = (places + LOOK_EVERY).clip(max=len(places) - 1), (places - LOOK_EVERY).clip(min=0)
    begin, end = max(first - track.first, 0), min(stop - track.first, len(places) - 1)
    usual = (
        ((places - begin) % apart == 0)
        | (places == end)
        | ((places % LOOK_EVERY == 0) & (changes[near[0]] > changes[near[1]]))
    )
    chosen = (track.shares > 0) & (usual | (track.shares < 1) | track.stirred)
    return [track.first + place for place in np.flatnonzero(chosen).tolist() if begin <= place <= end]


def find_keys(track: TrackPlan, every: int) -> list[int]:
    """The pictures of a track that an engine renders: where a swap begins and ends, every n-th between, and each in
    which something passes.

    They follow from the analysis alone, so that every process finds the same.
    """
    shown = np.concatenate([[False], track.shares > 0, [False]])
    begins, ends = np.flatnonzero(~shown[:-1] & shown[1:]), np.flatnonzero(shown[:-1] & ~shown[1:])
    chosen = (track.shares > 0) & track.stirred
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        chosen[[*range(begin, end, every), end - 1]] = True
    return [track.first + place for place in np.flatnonzero(chosen).tolist()]


def find_around(looks: Sequence[int], number: int) -> tuple[int, int]:
    """The pictures before and after `number`, or itself, that are looked at; itself also where none is needed."""
    place = bisect_right(looks, number)
    if place == 0 or looks[place - 1] == number or place == len(looks):
        return number, number
    return looks[place - 1], looks[place]
