"""`find_person` promises: the person whom most pictures show, and every other picture named."""

from dataclasses import replace

import numpy as np
import pytest

from mien_core.errors import NoFaceFound, ReferenceGlasses, SeveralFaces
from mien_pipeline.face import Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.person import View, cut_out, find_person
from mien_pipeline.image import Image
from mien_pipeline.report import LeftOut
from mien_testing.painted import BLUE, GREEN, MIDDLE, RED, RIGHT, Embedder, face_at

IMAGE = Image(np.zeros((40, 100, 3), np.uint8))
SMALL, LARGE = RIGHT, MIDDLE


def view(
    colour: tuple[int, int, int], box: tuple[int, int, int, int] = MIDDLE, yaw: float = 0, score: float = 0.99
) -> View:
    """A face that is someone by its colour."""
    face = replace(face_at(box), yaw_deg=yaw, mesh_score=score)
    return View(Portrait(IMAGE, face), np.array(colour, np.float32))


def test_the_person_of_most_pictures_is_found_and_the_others_are_named() -> None:
    found = find_person([[view(GREEN)], [view(RED)], [], [view(RED)]], Embedder())
    assert [tuple(each.embedding) for each in found.views] == [RED, RED]
    assert found.left_out == (LeftOut(0, "other-person"), LeftOut(2, "face-not-shown"))


def test_in_a_picture_of_several_the_face_that_is_the_same_person_is_chosen_however_small() -> None:
    found = find_person([[view(RED)], [view(GREEN, LARGE), view(RED, SMALL)]], Embedder())
    assert found.views[1].portrait.face.area == view(RED, SMALL).portrait.face.area
    assert found.left_out == ()


def test_between_two_people_in_one_picture_each_the_first_picture_decides() -> None:
    found = find_person([[view(GREEN, SMALL)], [view(RED, LARGE)]], Embedder())
    assert tuple(found.embedding) == GREEN
    assert found.left_out == (LeftOut(1, "other-person"),)


def test_the_embedding_is_the_mean_of_the_pictures_and_finds_who_is_like_it_but_unlike_the_first() -> None:
    """A turned head is nearer to the mean of a person than to any one picture."""
    first, middle, last = (170, 0, 0), (105, 0, 0), (40, 0, 0)
    found = find_person([[view(first)], [view(middle)], [view(last)]], Embedder())
    assert tuple(found.embedding) == middle
    assert found.left_out == ()


@pytest.mark.parametrize("doubtful", [{"yaw": 50.0}, {"yaw": -50.0}, {"score": 0.6}])
def test_a_face_that_is_turned_away_or_unclear_counts_only_when_there_is_no_other(doubtful: dict[str, float]) -> None:
    poor = view(RED, **doubtful)  # type: ignore[arg-type]  # pyright: ignore
    assert find_person([[poor], [view(RED)]], Embedder()).left_out == (LeftOut(0, "face-not-shown"),)
    assert find_person([[poor]], Embedder()).views == [poor]
    assert find_person([[poor], []], Embedder()).views == [poor]


def wears_small_glasses(portrait: Portrait) -> bool:
    return portrait.face.area == view(RED, SMALL).portrait.face.area


def test_a_picture_in_which_glasses_hide_the_eyes_is_left_out_and_named() -> None:
    worn = view((190, 0, 0), SMALL)
    found = find_person([[worn], [view(RED)], [view(BLUE)]], Embedder(), hides_eyes=wears_small_glasses)
    assert [tuple(each.embedding) for each in found.views] == [RED]
    assert tuple(found.embedding) == RED
    assert found.left_out == (LeftOut(0, "reference-glasses"), LeftOut(2, "other-person"))


def test_a_person_whose_eyes_no_picture_shows_is_refused() -> None:
    for pictures in ([[view(RED, SMALL)]], [[view(RED, SMALL)], [view(RED, SMALL)], [view(BLUE)]]):
        with pytest.raises(ReferenceGlasses) as refused:
            find_person(pictures, Embedder(), hides_eyes=wears_small_glasses)
        assert refused.value.code == "reference-glasses"
        assert refused.value.fields == {"found": max(1, len(pictures) - 1)}


def test_glasses_of_somebody_else_in_the_picture_do_not_matter() -> None:
    beside = [view(RED), view(GREEN, SMALL)]
    for pictures in ([beside], [beside, [view(RED)]]):
        assert tuple(find_person(pictures, Embedder(), hides_eyes=wears_small_glasses).embedding) == RED


def test_pictures_without_any_face_are_refused() -> None:
    for count in range(3):
        with pytest.raises(NoFaceFound) as refused:
            find_person([[]] * count, Embedder(), role="like")
        assert refused.value.fields == {"role": "like"}


def test_a_couple_in_every_picture_is_refused_and_a_passer_by_is_not() -> None:
    couple = [view(RED, (4, 4, 28, 30)), view(GREEN, MIDDLE)]
    with pytest.raises(SeveralFaces) as refused:
        find_person([couple, couple], Embedder())
    assert refused.value.fields == {"role": "reference", "found": 2}
    beside = [view(RED, MIDDLE), view(GREEN, RIGHT)]
    assert tuple(find_person([beside, beside], Embedder()).embedding) == RED
    assert tuple(find_person([couple, [view(RED)], [view(BLUE)]], Embedder()).embedding) == RED


def test_a_collage_is_one_person_beside_other_pictures_and_unclear_alone() -> None:
    collage = [view(RED, (4, 4, 28, 30)), view(RED, MIDDLE)]
    assert len(find_person([collage, [view(RED)]], Embedder()).views) == 2
    with pytest.raises(SeveralFaces):
        find_person([collage], Embedder())


def test_a_cut_out_face_is_the_same_face_in_a_smaller_picture(detector: MeshDetector, astronaut: Portrait) -> None:
    """Twenty pictures of a phone would fill the memory otherwise; every point stays on its pixel."""
    image = astronaut.image
    wide = np.pad(image.pixels, ((700, 300), (500, 900), (0, 0)), mode="reflect")
    around = max(detector.detect(Image(wide)), key=lambda each: each.mesh_score * each.area)
    small = cut_out(Portrait(Image(wide, missing_rows=3), around))
    assert small.image.pixels.nbytes < 0.5 * wide.nbytes
    assert small.image.missing_rows == 3
    assert small.face.mesh is not None
    assert around.mesh is not None
    for before, after in ((around.bbox.reshape(2, 2), small.face.bbox.reshape(2, 2)), (around.kps, small.face.kps)):
        for (x1, y1), (x2, y2) in zip(before.astype(int), after.astype(int), strict=True):
            assert np.array_equal(wide[y1, x1], small.image.pixels[y2, x2])
    assert np.allclose(around.mesh - small.face.mesh, around.mesh[0] - small.face.mesh[0], atol=1e-2)
