"""A reference shows exactly one face, and a refusal says that the reference is meant."""

import pytest

from mien_core.errors import ContentBlocked, InvalidImage, NoFaceFound, SeveralFaces
from mien_daemon.references.admission import THUMBNAIL_SIDE, blame_the_reference, require_one_face, square_around


def test_a_thumbnail_has_320_pixels_on_its_longest_side() -> None:
    assert THUMBNAIL_SIDE == 320


def test_one_face_is_taken() -> None:
    assert require_one_face([{"index": 0}]) == {"index": 0}


def test_a_thumbnail_shows_the_whole_head_in_a_square() -> None:
    assert square_around((20, 10, 40, 40)) == (3.0, -2.0, 57.0, 52.0)


def test_a_picture_without_a_face_is_no_reference() -> None:
    with pytest.raises(NoFaceFound) as refused:
        require_one_face([])
    assert refused.value.fields == {"role": "reference"}


@pytest.mark.parametrize("count", [2, 3])
def test_a_picture_of_several_people_is_no_reference(count: int) -> None:
    with pytest.raises(SeveralFaces) as refused:
        require_one_face([{}] * count)
    assert refused.value.fields == {"role": "reference", "found": count}


def test_a_blocked_picture_is_named_as_the_reference() -> None:
    with pytest.raises(ContentBlocked) as refused, blame_the_reference():
        raise ContentBlocked("blocked", stage="target")
    assert refused.value.fields["stage"] == "reference"


def test_every_other_error_stays_as_it_is() -> None:
    error = InvalidImage("broken")
    with pytest.raises(InvalidImage) as refused, blame_the_reference():
        raise error
    assert refused.value is error
