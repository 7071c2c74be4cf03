"""Which face in each of several pictures is the one person that they are of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien_core.errors import NoFaceFound, ReferenceGlasses, SeveralFaces
from mien_pipeline.face import Embedding, Face, Portrait
from mien_pipeline.protocols import FaceEmbedder
from mien_pipeline.report import LeftOut

# A second face this large beside the largest makes it unclear whose identity is meant.
RIVAL_AREA = 0.5
# Two faces this similar may be one person's: it is dlib's own distance of 0.6. Of one person's pairs 97 % reach it.
SAME_PERSON = 0.5
# So similar is a picture to the mean of the person's others (99 % of 92 are); of strangers of any kind one in eight is.
LIKE_THE_OTHERS = 0.6
# Of several pictures, one whose face is less clear or turned further is left out: its mesh is guessed.
CLEAR_MESH_SCORE, CLEAR_YAW_DEG = 0.9, 44.0
_REACH = 1.0  # of a face's larger side, around it: more than any engine sees of a reference
_ROUNDS = 2  # in which the pictures are compared with the mean of those that agree


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One face of one picture, and who it is under the scorer: (D,) float32."""

    portrait: Portrait
    embedding: Embedding


def cut_out(portrait: Portrait) -> Portrait:
    """The portrait without what is far from the face, or twenty pictures of 24 MP would take 1.4 GB."""
    image, face = portrait
    reach = _REACH * float((face.bbox[2:] - face.bbox[:2]).max())
    left, top = (max(0, int(edge - reach)) for edge in face.bbox[:2])
    right, bottom = (int(edge + reach) for edge in face.bbox[2:])
    shift = np.array([left, top], np.float32)
    moved = replace(
        face,
        bbox=face.bbox - np.tile(shift, 2),
        kps=face.kps - shift,
        mesh=None if face.mesh is None else face.mesh - np.append(shift, np.float32(0)),
    )
    return Portrait(replace(image, pixels=image.pixels[top:bottom, left:right].copy(), native=None), moved)


HidesEyes = Callable[[Portrait], bool]
"""Whether glasses hide the eyes of a portrait."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person in several pictures.

    Attributes:
        views: their face, once for every picture that is used, the most typical first.
        embedding: (D,) float32, the mean of theirs.
        left_out: the other pictures.
    """

    views: Sequence[View]
    embedding: Embedding
    left_out: tuple[LeftOut, ...] = ()


def find_person(
    pictures: Sequence[Sequence[View]],
    embedder: FaceEmbedder,
    role: str = "reference",
    hides_eyes: HidesEyes | None = None,
) -> Person:
    """The person that most of the pictures show; between two in as many, the one in the earlier picture.

    Args:
        pictures: every face of each picture.
        embedder: compares them.
        role: for the error.
        hides_eyes: which of that person's pictures are left out because glasses hide the eyes; None is for none.

    Raises:
        NoFaceFound: no picture shows a face.
        ReferenceGlasses: glasses hide the eyes in all of them.
        SeveralFaces: two people are in all the same pictures, one nearly as large as the other.
    """
    if len(pictures) == 1:
        only = choose_largest(pictures[0], role)
        _leave_out_glasses({0: only}, hides_eyes)
        return Person([only], only.embedding)
    clear = [[view for view in faces if _is_clear(view.portrait.face)] for faces in pictures]
    usable = clear if any(clear) else pictures
    everyone = [view for faces in usable for view in faces]
    if not everyone:
        raise NoFaceFound(f"the {role} shows no face", role=role)
    by_place = dict(enumerate(usable))
    chosen = max((_match(by_place, view.embedding, embedder) for view in everyone), key=_rank)
    for _ in range(_ROUNDS):  # a turned head is often nearer to the mean than to any one picture
        chosen = _compare_with_others(usable, chosen, embedder) or chosen
    who = _mean(chosen)
    others = [view for view in everyone if embedder.similarity(view.embedding, who) < SAME_PERSON]
    for rivals in (_match(by_place, view.embedding, embedder) for view in others):
        if rivals.keys() >= chosen.keys() and _area(rivals) > RIVAL_AREA * _area(chosen):
            raise SeveralFaces(f"the {role} shows two people in every picture", role=role, found=2)
    shown = _leave_out_glasses(chosen, hides_eyes)
    who = _mean(shown)
    left_out = tuple(
        _explain(place, faces, place in chosen) for place, faces in enumerate(usable) if place not in shown
    )
    typical = sorted(shown.values(), key=lambda view: embedder.similarity(view.embedding, who), reverse=True)
    return Person(typical, who, left_out)


def choose_largest(faces: Sequence[View], role: str = "reference") -> View:
    """The face that one picture is of: the largest, when no other is nearly as large; raises as `find_person`."""
    by_size = sorted(faces, key=lambda view: view.portrait.face.area, reverse=True)
    if not by_size:
        raise NoFaceFound(f"the {role} shows no face", role=role)
    if len(by_size) > 1 and by_size[1].portrait.face.area > RIVAL_AREA * by_size[0].portrait.face.area:
        raise SeveralFaces(f"the {role} shows {len(by_size)} faces", role=role, found=len(by_size))
    return by_size[0]


def _leave_out_glasses(chosen: Mapping[int, View], hides_eyes: HidesEyes | None) -> dict[int, View]:
    """The faces whose eyes can be seen, by their picture's place.

    Raises:
        ReferenceGlasses: there is none.
    """
    shown = {place: view for place, view in chosen.items() if not (hides_eyes and hides_eyes(view.portrait))}
    if not shown:
        raise ReferenceGlasses("glasses hide the eyes of the reference", found=len(chosen))
    return shown


def _explain(place: int, faces: Sequence[View], is_person: bool) -> LeftOut:
    """Why the picture at `place` is not used; `is_person` where one of its faces is the person's."""
    if is_person:
        return LeftOut(place, "reference-glasses")
    return LeftOut(place, "other-person" if faces else "face-not-shown")


def _is_clear(face: Face) -> bool:
    return face.mesh_score >= CLEAR_MESH_SCORE and abs(face.yaw_deg) <= CLEAR_YAW_DEG


def _match(
    pictures: Mapping[int, Sequence[View]], who: Embedding, embedder: FaceEmbedder, least: float = SAME_PERSON
) -> dict[int, View]:
    """The face of each picture that is most like `who`, by the picture's place; none where none is like."""
    found: dict[int, View] = {}
    for place, faces in pictures.items():
        similar = [embedder.similarity(view.embedding, who) for view in faces]
        if similar and max(similar) >= least:
            found[place] = faces[similar.index(max(similar))]
    return found


def _compare_with_others(
    pictures: Sequence[Sequence[View]], chosen: Mapping[int, View], embedder: FaceEmbedder
) -> dict[int, View]:
    """The face of each picture that is most like the mean of what was chosen in the others."""
    found: dict[int, View] = {}
    for place in range(len(pictures)):
        others = {other: view for other, view in chosen.items() if other != place}
        least = LIKE_THE_OTHERS if len(others) > 1 else SAME_PERSON
        found |= _match({place: pictures[place]}, _mean(others or chosen), embedder, least)
    return found


def _rank(shown: Mapping[int, View]) -> tuple[int, int, float]:
    """More pictures before fewer, an earlier first picture before a later one, larger faces before smaller."""
    return len(shown), -min(shown, default=0), _area(shown)


def _area(shown: Mapping[int, View]) -> float:
    return sum(view.portrait.face.area for view in shown.values())


def _mean(shown: Mapping[int, View]) -> Embedding:
    return np.asarray(np.mean([view.embedding for view in shown.values()], 0), np.float32)
