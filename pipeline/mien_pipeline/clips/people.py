"""Which tracks are one person, across cuts and where a face was lost and came back; and who gets another face."""

from collections.abc import Sequence

import numpy as np

from mien_core.errors import InvalidOptions
from mien_pipeline.clips.analysis import PersonSeen
from mien_pipeline.clips.tracks import Track
from mien_pipeline.face import Embedding
from mien_pipeline.options import FaceChoice, Like
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


def choose_people(
    people: Sequence[PersonSeen], faces: FaceChoice, likes: Sequence[Embedding], embedder: FaceEmbedder
) -> tuple[int, ...]:
    """The places in `people` of those who get another face; `likes` are who the pictures of `faces` show.

    Raises:
        InvalidOptions: `field` "faces" when one that is named is not there; `found` is how many are.
    """
    count = len(people)
    if faces == "all":
        return tuple(range(count))
    if faces == "largest":
        return (0,)
    if not isinstance(faces, Like):
        if not faces or max(faces) >= count:
            raise InvalidOptions(f"people count from 0, and the clip shows {count}", field="faces", found=count)
        return faces
    if len(likes) > count:
        raise InvalidOptions(f"the clip shows {count} people", field="faces", found=count)
    free = list(range(count))
    chosen: list[int] = []
    for like in likes:
        nearest = max(free, key=lambda person: embedder.similarity(like, people[person].embedding))
        free.remove(nearest)
        chosen.append(nearest)
    return tuple(chosen)


def average(tracks: Sequence[Track]) -> Embedding:
    """(D,) float32, who the tracks show."""
    return np.asarray(np.mean([each for track in tracks for each in track.embeddings], axis=0), np.float32)


def _measure(track: Track) -> float:
    """How much of the clip the face fills: pictures times square pixels."""
    return sum(face.area for face in track.faces)


def _are_together(one: Track, other: Track) -> bool:
    return one.first < other.stop and other.first < one.stop
