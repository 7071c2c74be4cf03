"""The target's part promises: cut out and put back exactly, masked softly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.engines.diffusion import target
from mien_pipeline.engines.diffusion.target import Cut, cut_for
from mien_pipeline.image import Image
from mien_testing.pictures import face_at


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(16, 8000),
    height=st.integers(16, 8000),
    across=st.floats(-0.2, 0.9),
    down=st.floats(-0.2, 0.9),
    share=st.floats(0.01, 1.2),
    side=st.sampled_from([256, 768, 1024]),
)
def test_every_cut_lies_in_the_picture_and_works_in_multiples_of_sixteen(
    width: int, height: int, across: float, down: float, share: float, side: int
) -> None:
    size = max(4.0, share * min(width, height))
    cut = cut_for((width, height), face_at(across * width, down * height, size, 1.2 * size), side)
    assert 0 <= cut.left <= cut.left + cut.width <= width
    assert 0 <= cut.top <= cut.top + cut.height <= height
    assert cut.outer[0] % 16 == cut.outer[1] % 16 == 0
    assert cut.inner[0] <= cut.outer[0] < cut.inner[0] + 16
    assert cut.inner[0] * cut.inner[1] <= 1.02 * side * side + 2 * (cut.inner[0] + cut.inner[1])


def test_a_small_face_in_a_large_picture_is_worked_on_at_the_models_best_size() -> None:
    cut = cut_for((3840, 2160), face_at(2000, 700, 180, 220), 1024)
    assert (cut.width, cut.height) != (3840, 2160)
    assert cut.outer[0] * cut.outer[1] == pytest.approx(1024 * 1024, rel=0.05)
    assert cut.scale > 1.3


def test_a_face_that_fills_the_picture_takes_the_whole_frame() -> None:
    cut = cut_for((1000, 1200), face_at(200, 250, 600, 700), 1024)
    assert (cut.left, cut.top, cut.width, cut.height) == (0, 0, 1000, 1200)


@pytest.mark.parametrize("size", [(141, 200), (517, 333), (64, 64), (1030, 770)])
def test_cut_and_put_back_is_exact_at_the_models_own_size(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    inner = (width, height)
    cut = Cut(0, 0, width, height, 1.0, inner, (-(-width // 16) * 16, -(-height // 16) * 16))
    back = target.patch(target.extract(Image(pixels), cut), np.ones((height, width), np.float32), cut)
    assert np.array_equal(back.crop, pixels)
    assert np.array_equal(back.affine, np.array([[1, 0, 0], [0, 1, 0]], np.float32))


def test_the_mask_is_whole_on_the_face_and_nothing_far_from_it() -> None:
    face = face_at(300, 250, 200, 240)
    cut = cut_for((1200, 900), face, 512)
    mask = target.mask_for(face, cut)
    assert mask.shape == (cut.height, cut.width)
    for x, y in face.kps:
        assert mask[int(y) - cut.top, int(x) - cut.left] == 1.0
    x1, y1, x2, y2 = target.region_of(face)
    rows, columns = np.mgrid[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]
    outside = (columns < x1 - 1) | (columns > x2 + 1) | (rows < y1 - 1) | (rows > y2 + 1)
    assert (mask[outside] == 0).all()
    keep = np.zeros_like(mask)
    keep[:, : cut.width // 2] = 1
    assert (target.mask_for(face, cut, keep)[:, : cut.width // 2] == 0).all()
