"""The identity gate measures what was made where it was made, by a recogniser that may be missing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.gate import IdentityGate, load_scorer
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.image import Floats, Image


class Colours:
    """Knows a face by the colour in its middle."""

    recogniser = "colours"

    def embed(self, image: Image, face: Face) -> Floats:
        x, y = (round(float(value)) for value in (face.bbox[:2] + face.bbox[2:]) / 2)
        return np.asarray(image.pixels[y, x] / 255, np.float32)

    def similarity(self, one: Floats, other: Floats) -> float:
        return float(1 - np.abs(one - other).max())


def face_at(x: int) -> Face:
    return Face(
        np.array([x, 0, x + 8, 8], np.float32), 1.0, np.zeros((5, 2), np.float32), np.zeros((468, 3), np.float32)
    )


def plain(level: int) -> Image:
    return Image(np.full((8, 24, 3), level, np.uint8))


def painted(x: int) -> Patch:
    """A white square of 8 × 8 pixels."""
    affine = np.array([[1, 0, -x], [0, 1, 0]], np.float32)
    return Patch(np.full((8, 8, 3), 255, np.uint8), affine, np.ones((8, 8), np.float32))


def measure(gate: IdentityGate, patch: Patch) -> Sequence[float]:
    found = gate.score(plain(0), face_at(0), patch)
    assert found is not None
    return found.to_reference, found.to_target, found.before


def test_a_face_is_looked_at_where_the_patch_says_that_it_is() -> None:
    gate = IdentityGate(Colours(), [Portrait(plain(255), face_at(0))])
    assert measure(gate, painted(0)) == (1, 0, 0)
    assert measure(gate, painted(16)) == (0, 1, 0), "the target's face is as it was"
    assert measure(gate, replace(painted(16), face=face_at(16))) == (1, 0, 0)


def test_several_pictures_of_a_person_are_one_reference() -> None:
    gate = IdentityGate(Colours(), [Portrait(plain(255), face_at(0)), Portrait(plain(153), face_at(0))])
    assert gate.own_embedding == pytest.approx([0.8] * 3)


def test_without_a_recogniser_or_a_mesh_nothing_is_measured(models: ModelStore) -> None:
    assert IdentityGate(None, [Portrait(plain(255), face_at(0))]).score(plain(0), face_at(0), painted(0)) is None
    flat = replace(face_at(0), mesh=None)
    assert IdentityGate(Colours(), [Portrait(plain(255), flat)]).score(plain(0), face_at(0), painted(0)) is None
    assert load_scorer(models) is not None


def test_a_store_without_the_recogniser_gives_none(tmp_path: Path) -> None:
    assert load_scorer(ModelStore(tmp_path, load_catalogue({}))) is None
