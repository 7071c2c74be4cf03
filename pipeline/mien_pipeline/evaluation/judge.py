"""What is measured of one finished swap, the same way for every engine."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Protocol

import numpy as np

from mien_pipeline.engines.mesh.eyes import Eye, EyeReader
from mien_pipeline.evaluation.cases import Person
from mien_pipeline.evaluation.look import (
    Look,
    measure_kept_expression,
    measure_kept_gaze,
    measure_kept_pose,
    measure_outside,
    measure_shape,
)
from mien_pipeline.face import Embedding, Face, Mesh
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.detectors import open_yunet
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.faces.topology import head_pose, inter_ocular
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.protocols import FaceEmbedder, Weights
from mien_pipeline.report import FaceReport, Swapped, round_scores
from mien_pipeline.skin.mask import face_mask
from mien_pipeline.skin.naturalness import FinishedFace, Naturalness, measure, rate

_WHOLE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


ReadEyes = Callable[[Pixels, Mesh], tuple[Eye, Eye]]
"""Both eyes of a face, the viewer's left one first."""


class Eyes(Protocol):
    """Finds faces, and finds one again."""

    def detect(self, image: Image) -> Sequence[Face]: ...

    def look_again(self, image: Image, mesh: Mesh) -> Mesh: ...


def rate_from_outside(before: Image, after: Image, seen: Face, found: Mesh, again: Mesh) -> Naturalness:
    """How natural a result looks to someone who knows nothing of the engine: an untouched face has 1.

    The face's own skin is found in the result.

    Args:
        before, after: the target and the result.
        seen: the target's face.
        found, again: (468, 3) its mesh in the result, and the same looked for once more.
    """
    if seen.mesh is None:
        raise ValueError("the judge needs faces with a mesh")
    own = face_mask(after.pixels, found)
    return rate(measure(FinishedFace(before.pixels, after.pixels, seen.mesh, found, own, _WHOLE), 0.0, again))


class Judge:
    """Measures results with a recogniser that no engine is conditioned on."""

    def __init__(self, eyes: Eyes, read_eyes: ReadEyes, embedder: FaceEmbedder, people: Sequence[Person]) -> None:
        """`people` are everyone whom a result could be: the references, and the targets."""
        self._eyes = eyes
        self._read_eyes = read_eyes
        self._embedder = embedder
        self._meshes: dict[str, Mesh | None] = {}
        self._known: dict[str, Embedding] = {}
        for person in people:
            image, face = self._find(person)
            self._meshes[person.name], self._known[person.name] = face.mesh, embedder.embed(image, face)

    @classmethod
    def load(cls, weights: Weights, people: Sequence[Person]) -> "Judge":
        eyes: MeshDetector = open_yunet(weights)
        read_eyes = EyeReader(weights.read("iris")).read
        return cls(eyes, read_eyes, DlibEmbedder(weights.read("identity-score")), people)

    def largest_face(self, image: Image) -> Face | None:
        """The face that a swap changes by default."""
        return max(self._eyes.detect(image), key=lambda face: face.area, default=None)

    def look(self, original: Pixels, target: bytes, done: Swapped) -> Look:
        """Find the target's face again in its result; `original` is the target before a level changed it."""
        before, after = decode(target), decode(done.data)
        face = next(each for each in done.faces if each.swapped)
        seen = min(self._eyes.detect(before), key=lambda each: float(np.abs(each.bbox - np.array(face.bbox)).sum()))
        if seen.mesh is None:
            raise ValueError("the judge needs faces with a mesh")
        found = self._eyes.look_again(after, seen.mesh)
        eyes, made = self._read_eyes(before.pixels, seen.mesh), self._read_eyes(after.pixels, found)
        return Look(original, before.pixels, after.pixels, seen, found, eyes, made)

    def measure(self, look: Look, done: Swapped, reference: str) -> dict[str, object]:
        """The measures of a result.

        `identity` is the report's. `margin` is how much more the result is like its reference than like anyone else
        among the people, the target's included: above 0 it is nearest to its reference. `landmarks` is the mean
        distance of its mesh from the target's, in per cent of the eyes' distance: pose and expression that were kept;
        `pose`, `expression`, `gaze` and `outside` are what `look` measures of them. `shape` and `shape_before` are the
        distance of the result's and the target's shape from the reference's. `naturalness` is the engine's own where it
        has one, as `naturalness_by` says; else it is measured from the outside, with limits that were set on results of
        mesh.
        """
        face = next(each for each in done.faces if each.swapped)
        off = np.linalg.norm((look.found - look.mesh)[:, :2], axis=1).mean() / max(inter_ocular(look.mesh), 1e-6)
        made = self._embedder.embed(Image(look.after), look.seen)
        return {
            "identity": round_scores(face.identity) if face.identity else None,
            "margin": round(self._margin(made, reference), 4),
            **self._naturalness(face, look),
            "landmarks": round(100 * float(off), 2),
            "yaw": round(head_pose(look.found)[0], 1),
            "target_yaw": round(look.seen.yaw_deg, 1),
            **self._measure_kept(look, reference),
            "verdict": face.verdict,
            "warnings": [*done.warnings, *face.warnings],
            "retried": face.retried,
            "attempts": [asdict(each) for each in face.attempts],
            "seconds": round(done.seconds, 3),
        }

    def measure_likeness(self, pixels: Pixels, reference: str) -> float | None:
        """How alike the largest face of (H, W, 3) pixels is to a person; None where no face is found."""
        image = Image(pixels)
        face = self.largest_face(image)
        if face is None:
            return None
        return round(self._embedder.similarity(self._embedder.embed(image, face), self._known[reference]), 4)

    def _measure_kept(self, look: Look, reference: str) -> dict[str, object]:
        shown = self._meshes[reference]
        gaze = measure_kept_gaze(look)
        kept: dict[str, object] = {
            "pose": round(measure_kept_pose(look), 2),
            "expression": round(measure_kept_expression(look), 2),
            "gaze": None if gaze is None else round(gaze, 2),
            "outside": round(measure_outside(look), 4),
        }
        if shown is not None:
            kept["shape"] = round(measure_shape(look.found, shown), 2)
            kept["shape_before"] = round(measure_shape(look.mesh, shown), 2)
        return kept

    def _margin(self, made: Embedding, reference: str) -> float:
        alike = {name: self._embedder.similarity(made, known) for name, known in self._known.items()}
        others = [each for name, each in alike.items() if name != reference]
        return alike[reference] - max(others, default=0.0)

    def _naturalness(self, face: FaceReport, look: Look) -> dict[str, object]:
        if face.naturalness is not None:
            return {
                "naturalness": round(face.naturalness, 4), "naturalness_by": "engine", "faults": list(face.faults)
            }  # fmt: skip
        before, after = Image(look.before), Image(look.after)
        rated = rate_from_outside(before, after, look.seen, look.found, self._eyes.look_again(after, look.found))
        return {"naturalness": round(rated.score, 4), "naturalness_by": "evaluation", "faults": list(rated.faults)}

    def _find(self, person: Person) -> tuple[Image, Face]:
        image = decode(person.data)
        face = self.largest_face(image)
        if face is None:
            raise ValueError(f"{person.name} shows no face")
        return image, face
