"""Which tracks are one person: across cuts, and where a face was lost and came back."""

from collections.abc import Sequence

import numpy as np

from mien_pipeline.clips.tracks import Track
from mien_pipeline.face import Embedding
from mien_pipeline.protocols import FaceEmbedder

# Of four clips with cuts and two people, all tracks nearer than a distance of .55 were one person's.
SAME_PERSON = 1 - (0.55 / 0.85) ** 2


def find_people(tracks: Sequence[Track], embedder: FaceEmbedder) -> list[list[int]]:
    """The places of each person's tracks in `tracks`; who is seen longest and largest comes first.

    Two faces that are seen at once are two people.
    """
    people: list[list[int]] = []
    for place in sorted(range(len(tracks)), key=lambda place: -_measure(tracks[place])):
        shown = average([tracks[place]])
        scored = [
            (embedder.similarity(shown, average([tracks[each] for each in person])), person)
            for person in people
            if not any(_are_together(tracks[place], tracks[each]) for each in person)
        ]
        likeness, nearest = max(scored, key=lambda pair: pair[0], default=(-1.0, []))
        if likeness >= SAME_PERSON:
            nearest.append(place)
        else:
            people.append([place])
    return sorted((sorted(each) for each in people), key=lambda each: -sum(_measure(tracks[place]) for place in each))


def average(tracks: Sequence[Track]) -> Embedding:
    """(D,) float32, who the tracks show."""
    return np.asarray(np.mean([each for track in tracks for each in track.embeddings], axis=0), np.float32)


def _measure(track: Track) -> float:
    """How much of the clip the face fills: pictures times square pixels."""
    return sum(face.area for face in track.faces)


def _are_together(one: Track, other: Track) -> bool:
    return one.first < other.stop and other.first < one.stop
