"""The gallery keeps a marked picture of the worst five of every claim and engine, and no other."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien_pipeline.evaluation.cases import Case, CaseFile, Person
from mien_pipeline.evaluation.claim import Level
from mien_pipeline.evaluation.gallery import FOLDER, Gallery, Shown, crop_face
from mien_pipeline.report import Provenance, Swapped
from mien_testing.painted import Marker

PERSON = Person("ann", b"ann")


@pytest.fixture
def file(tmp_path: Path) -> CaseFile:
    return CaseFile(tmp_path)


def add(gallery: Gallery, file: CaseFile, seed: int, naturalness: float) -> None:
    """A finished case as the runner treats it: its picture, then its line."""
    case = Case("size", "mesh", "width", Level(1), seed, PERSON, Person("bob", b"bob"))
    target = io.BytesIO()
    PIL.Image.new("RGB", (20, 20)).save(target, "PNG")
    done = Swapped(b"", "image/png", "mesh", (20, 20), 0.1, {}, (), Provenance(True, "strong"))
    measured = {"state": "done", "naturalness": naturalness}
    face = np.full((20, 20, 3), 90, np.uint8)
    gallery.add(case, f"key{seed}", Shown([face] * 3, target.getvalue(), done), measured)
    file.append({"key": f"key{seed}", **case.describing, **measured, "setup": "one"})


def test_the_five_least_natural_are_kept_whatever_their_order(tmp_path: Path, file: CaseFile) -> None:
    marker = Marker()
    gallery = Gallery(tmp_path, marker, file)
    for seed, naturalness in enumerate((0.9, 0.8, 0.7, 0.6, 0.5, 0.1, 0.95, 0.2)):
        add(gallery, file, seed, naturalness)
    gallery.prune()
    assert {path.stem for path in (tmp_path / FOLDER).iterdir()} == {"key7", "key5", "key4", "key3", "key2"}
    assert not (tmp_path / FOLDER / "key6.jpg").exists()
    with PIL.Image.open(tmp_path / FOLDER / "key5.jpg") as picture:
        assert picture.width > 3 * 200


def test_a_face_is_cut_out_with_its_surroundings_as_far_as_the_picture_goes() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    assert crop_face(pixels, np.array([80, 40, 100, 60], np.float32)).shape == (35, 35, 3)
    assert crop_face(pixels, np.array([0, 0, 20, 20], np.float32)).shape == (28, 28, 3)
