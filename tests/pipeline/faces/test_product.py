"""A product in parts is the product."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_pipeline.faces.product import ALONE, multiply


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 2000), st.integers(0, 9))
def test_parts_make_the_whole_product(rows: int, inner: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.standard_normal((rows, inner)), random.standard_normal((inner, columns))
    assert multiply(left, right) == pytest.approx(left @ right, abs=1e-9)


def test_a_left_side_beyond_the_limit_is_multiplied_column_by_column() -> None:
    left, right = np.ones((1, ALONE + 1), np.float32), np.ones((ALONE + 1, 2), np.float32)
    assert multiply(left, right) == pytest.approx(left @ right)
