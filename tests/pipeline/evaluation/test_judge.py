"""The judge measures every engine the same way: who it is among all people, and how natural it looks."""

import io

import PIL.Image
import pytest

from mien_models.store import ModelStore
from mien_pipeline.evaluation.cases import Person
from mien_pipeline.evaluation.judge import Judge
from mien_pipeline.report import FaceReport, IdentityScores, Provenance, Swapped
from mien_testing.portraits import Portrait

SCORES = IdentityScores("dlib", 0.1, 0.9, 0.1)


@pytest.fixture(scope="module")
def people(models: ModelStore) -> list[Person]:
    return [
        Person(name, models.path("demo-portraits", file).read_bytes())
        for name, file in (("ann", "astronaut.png"), ("grace", "grace_hopper.jpg"))
    ]


@pytest.fixture(scope="module")
def judge(models: ModelStore, people: list[Person]) -> Judge:
    return Judge.load(models, people)


def unchanged(portrait: Portrait, naturalness: float | None = None) -> tuple[bytes, Swapped]:
    """A swap that left everything as it was."""
    out = io.BytesIO()
    PIL.Image.fromarray(portrait[0].pixels).save(out, "PNG")
    x1, y1, x2, y2 = (float(edge) for edge in portrait[1].bbox)
    face = FaceReport(0, (x1, y1, x2, y2), True, SCORES, naturalness=naturalness)
    data = out.getvalue()
    size = portrait[0].width, portrait[0].height
    return data, Swapped(data, "image/png", "any", size, 1.0, {}, (face,), Provenance(True, "strong"))


def test_a_face_that_stayed_is_nearer_to_its_own_person_and_looks_natural(judge: Judge, astronaut: Portrait) -> None:
    target, done = unchanged(astronaut)
    look = judge.look(astronaut[0].pixels, target, done)
    onto = judge.measure(look, done, "grace")
    assert isinstance(onto["margin"], float)
    assert onto["margin"] < -0.5
    assert judge.measure(look, done, "ann")["margin"] == pytest.approx(-onto["margin"], abs=0.01)
    assert onto["naturalness_by"] == "evaluation"
    assert float(str(onto["naturalness"])) > 0.7
    assert float(str(onto["landmarks"])) < 3
    assert float(str(onto["pose"])) < 2
    assert (onto["outside"], onto["shape"]) == (0, pytest.approx(onto["shape_before"], abs=0.5))
    assert judge.measure_likeness(astronaut[0].pixels, "ann") == pytest.approx(1, abs=0.01)


def test_an_engines_own_naturalness_is_taken_where_it_has_one(judge: Judge, astronaut: Portrait) -> None:
    target, done = unchanged(astronaut, naturalness=0.25)
    measured = judge.measure(judge.look(astronaut[0].pixels, target, done), done, "grace")
    assert (measured["naturalness"], measured["naturalness_by"]) == (0.25, "engine")
