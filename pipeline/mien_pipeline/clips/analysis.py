"""What one look at the whole clip found: all that its segments are rendered from, so that each can be alone."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mien_core.files import write_whole
from mien_pipeline.face import Embedding, Mesh
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.clip.join import Span

VERSION = 5
"""Of the file; one of another version is not read, and the clip is looked at again."""
MARK_PARTS = 16  # of a grey level that a stored watermark can tell


@dataclass(frozen=True, slots=True, eq=False)
class TrackPlan:
    """One face in one shot.

    Attributes:
        person: whose it is, a place in `Analysis.people`.
        first: the number of its first picture.
        meshes: (n, 468, 3) float32, smoothed, in the upright pictures' pixels.
        shares: (n,) float32 in 0..1, how much of a swap each picture shows.
        covered: (n,) bool, where something is over the face.
        turned: (n,) bool, where it is turned too far.
        stirred: (n,) bool, where it looks unlike in the picture before or after: something small passes it, it may be.
        drifted: (n,) bool, where it has come to look unlike it did at the last such picture, or at the first.
    """

    person: int
    first: int
    meshes: Floats
    shares: Floats
    covered: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    stirred: NDArray[np.bool_]
    drifted: NDArray[np.bool_]

    @property
    def stop(self) -> int:
        """The number of the picture after its last."""
        return self.first + len(self.meshes)


@dataclass(frozen=True, slots=True, eq=False)
class PersonSeen:
    """One person of the clip.

    Attributes:
        embedding: (D,) float32, who it is.
        portrait: (h, w, 3) uint8 RGB, the face once.
        mesh: (468, 3) float32, the face in the portrait's pixels.
    """

    embedding: Embedding
    portrait: Pixels
    mesh: Mesh


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A look at the whole clip, or at the part that was asked for.

    Attributes:
        span: its pictures.
        shots: the number of the first picture of each.
        people: those who are seen, the most prominent first.
        tracks: their faces.
        marks: (shots, 3, S, S) int8, each shot's watermark in sixteenths of a grey level.
        recogniser: which network `PersonSeen.embedding` is of.
    """

    span: Span
    shots: tuple[int, ...]
    people: tuple[PersonSeen, ...]
    tracks: tuple[TrackPlan, ...]
    marks: NDArray[np.int8]
    recogniser: str

    def shot_of(self, number: int) -> int:
        """The shot of a picture."""
        return int(np.searchsorted(self.shots, number, side="right")) - 1

    def list_spans(self, person: int) -> list[tuple[int, int]]:
        """The pictures, first and after the last, in which a person is seen."""
        return [(track.first, track.stop) for track in self.tracks if track.person == person]

    def cut(self, first: int, stop: int) -> "Analysis":
        """What pictures `first` to before `stop` are rendered from: all of the tracks that show in them, and no others.

        Shots before them and after them are left out, too. Pictures and people keep their numbers.
        """
        begin, end = self.shot_of(first), self.shot_of(stop - 1) + 1
        tracks = tuple(track for track in self.tracks if track.first < stop and track.stop > first)
        return replace(self, shots=self.shots[begin:end], tracks=tracks, marks=self.marks[begin:end])

    def save(self, path: Path) -> None:
        """Write it so that it is whole or not there; raises `OSError`."""
        header = {
            "version": VERSION,
            "times": self.span.times,
            "end": self.span.end,
            "is_whole": self.span.is_whole,
            "shots": self.shots,
            "recogniser": self.recogniser,
            "people": len(self.people),
            "tracks": [[track.person, track.first] for track in self.tracks],
        }
        arrays: dict[str, NDArray[Any]] = {
            "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
            "marks": self.marks,
        }
        for number, person in enumerate(self.people):
            arrays |= {f"person{number}.{name}": getattr(person, name) for name in _PERSON_ARRAYS}
        for number, track in enumerate(self.tracks):
            arrays |= {f"track{number}.{name}": getattr(track, name) for name in _TRACK_ARRAYS}
        buffer = io.BytesIO()
        np.savez(buffer, **cast("Mapping[str, Any]", arrays))
        write_whole(path, buffer.getvalue(), 0o600)

    @classmethod
    def load(cls, path: Path) -> "Analysis | None":
        """What `save` wrote; None where it is not there, or of another version, or damaged."""
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                return cls._read(arrays)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    @classmethod
    def _read(cls, arrays: Mapping[str, NDArray[Any]]) -> "Analysis | None":
        header = json.loads(arrays["header"].tobytes())
        if header["version"] != VERSION:
            return None
        return cls(
            span=Span(tuple(header["times"]), header["end"], header["is_whole"]),
            shots=tuple(header["shots"]),
            people=tuple(
                PersonSeen(*(arrays[f"person{number}.{name}"] for name in _PERSON_ARRAYS))
                for number in range(header["people"])
            ),
            tracks=tuple(
                TrackPlan(person, first, *(arrays[f"track{number}.{name}"] for name in _TRACK_ARRAYS))
                for number, (person, first) in enumerate(header["tracks"])
            ),
            marks=arrays["marks"],
            recogniser=header["recogniser"],
        )


_PERSON_ARRAYS = ("embedding", "portrait", "mesh")
_TRACK_ARRAYS = ("meshes", "shares", "covered", "turned", "stirred", "drifted")


def cut_into_segments(count: int, length: int) -> list[tuple[int, int]]:
    """(first, after the last) of each segment of `count` pictures, `length` at most and all alike.

    Where they stay two thirds as long, their number is a multiple of four, or of two: processes then end together. It
    does not depend on how many work, so that a run can be taken up by any number.
    """
    fewest = max(1, -(-count // length))
    numbers = [-(-fewest // together) * together for together in (4, 2)]
    number = next((each for each in numbers if count // each >= length * 2 // 3), fewest)
    edges = [count * place // number for place in range(number + 1)]
    return list(pairwise(edges))
