"""A quantile is NumPy's, in less time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mien_pipeline.skin.quantile import median, quantile

VALUES = arrays.arrays(np.float32, st.integers(1, 40), elements=st.floats(-100, 100, width=32))


@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_that_of_numpy(values: np.ndarray, share: float) -> None:
    before = values.copy()
    assert quantile(values, share) == pytest.approx(float(np.quantile(values.astype(float), share)), abs=1e-4)
    assert median(values) == pytest.approx(float(np.median(values.astype(float))), abs=1e-4)
    assert np.array_equal(values, before)


def test_pictures_of_bytes_have_quantiles_too() -> None:
    assert quantile(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), 0.5) == 5.5
