"""Products of matrices beside other threads."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ALONE = 1 << 18  # multiplications up to which OpenBLAS uses no thread but the caller's


def multiply(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """`left` (M, K) by `right` (K, N), (M, N), in parts that OpenBLAS shares with no thread of its own.

    After every product that it does share, its thread spins for up to 25 ms: on two cores that stops whoever draws
    another part of the face there.
    """
    columns = max(1, ALONE // left.size)
    return np.concatenate([left @ right[:, at : at + columns] for at in range(0, right.shape[1], columns)], axis=1)
