"""dlib's face recognition network, from the weights in its own file: 29 convolutions as matrix products.

Davis King, "High Quality Face Recognition with Deep Metric Learning", 2017: a ResNet of 29 layers (He et al. 2016)
trained on three million faces. Rejected: dlib itself. Its build for Python multiplies without a matrix library, seven
times slower, and holds Python's lock meanwhile, so that nothing else runs. The numbers agree to six decimals.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mien_pipeline.face import Embedding
from mien_pipeline.image import Floats, Pixels

CHIP_PX = 150  # the network's input
EMBEDDING_SIZE = 128

_CONVOLUTIONS = 29
_MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)
_RANGE = np.float32(256)
# The file has the layers in order, input first. A layer is the length of its name, its name, and its numbers.
_CONVOLUTION, _AFFINE, _FULLY_CONNECTED = b"\x05con_4", b"\x07affine_", b"\x04fc_2"


class DlibNetwork:
    """Face chip → 128 numbers; those of one person are nearer than 0.6 to one another."""

    def __init__(self, weights: bytes) -> None:
        """Read dlib's file.

        Raises:
            ValueError: `weights` is not that network.
        """
        try:
            self._first, *self._rest = read_convolutions(weights)
            self._out = read_last_layer(weights)
        except (ValueError, IndexError) as error:
            raise ValueError("not dlib's face recognition network") from error

    def __call__(self, chip: Pixels) -> Embedding:
        """(128,) float32 of a (150, 150, 3) uint8 RGB chip."""
        x = _pool_max(_rectify(self._first((chip - _MEAN_RGB) / _RANGE)))
        for inner, outer in zip(self._rest[::2], self._rest[1::2], strict=True):
            shortcut = _pool_mean(x) if inner.stride == 2 else x
            x = _rectify(_add_padded(outer(_rectify(inner(x))), shortcut))
        return np.asarray(x.mean((0, 1)) @ self._out, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution with its scale and shift folded in; padded to the same size where it does not stride.

    Attributes:
        kernel: (side · side · in, out) float32, the places of a window in rows.
        shift: (out,) float32.
        side, stride: of the window, in pixels.
    """

    kernel: Floats
    shift: Floats
    side: int
    stride: int

    def __call__(self, x: Floats) -> Floats:
        """(H, W, in) float32 → (h, w, out) float32."""
        if self.stride == 1:
            margin = self.side // 2
            x = np.pad(x, ((margin, margin), (margin, margin), (0, 0)))
        windows = sliding_window_view(x, (self.side, self.side), (0, 1))[:: self.stride, :: self.stride]
        height, width = windows.shape[:2]
        rows = windows.transpose(0, 1, 3, 4, 2).reshape(height * width, -1)
        return (rows @ self.kernel + self.shift).reshape(height, width, -1)


def _rectify(x: Floats) -> Floats:
    """`x` with 0 for what is negative."""
    return np.maximum(x, 0)


def _pool_max(x: Floats) -> Floats:
    """Max pooling over 3 × 3 in steps of 2, first down, then across."""
    down = np.maximum(np.maximum(x[:-2:2], x[1:-1:2]), x[2::2])
    return np.maximum(np.maximum(down[:, :-2:2], down[:, 1:-1:2]), down[:, 2::2])


def _pool_mean(x: Floats) -> Floats:
    """Mean pooling over 2 × 2; an odd last row or column is left out."""
    x = x[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
    return np.asarray((x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4, np.float32)


def _add_padded(one: Floats, other: Floats) -> Floats:
    """`one` plus `other`; the smaller is padded with zeros, in channels too."""
    total: Floats = np.zeros([max(sides) for sides in zip(one.shape, other.shape, strict=True)], np.float32)
    for each in (one, other):
        height, width, channels = each.shape
        total[:height, :width, :channels] += each
    return total


def read_convolutions(data: bytes) -> list[Convolution]:
    """The network's convolutions, input first, each with the affine layer that follows it folded in."""
    found, at = list[Convolution](), 0
    while (start := data.find(_CONVOLUTION, at)) >= 0:  # from the end of one to the next: numbers are not searched
        convolution, at = _read_convolution(data, start + len(_CONVOLUTION))
        found.append(convolution)
    if len(found) != _CONVOLUTIONS:
        raise ValueError(f"{len(found)} convolutions")
    return found


def _read_convolution(data: bytes, at: int) -> tuple[Convolution, int]:
    """The convolution whose numbers begin at `at`, and where the affine layer after it ends."""
    numbers, at = _read_tensor(data, at)
    sizes = _read_integers(data, at)
    out, side, _, stride = (next(sizes)[0] for _ in range(4))
    scale_and_shift, at = _read_tensor(data, data.index(_AFFINE, at) + len(_AFFINE))
    scale, shift = scale_and_shift[:out], scale_and_shift[out:]
    kernel, bias = numbers[:-out].reshape(out, -1, side, side), numbers[-out:]
    in_rows = kernel.transpose(2, 3, 1, 0).reshape(-1, out)
    return Convolution(in_rows * scale, bias * scale + shift, side, stride), at


def read_last_layer(data: bytes) -> Floats:
    """The last layer: (256, 128) float32."""
    at = data.rindex(_FULLY_CONNECTED) + len(_FULLY_CONNECTED)
    sizes = _read_integers(data, at)
    (out, _), (_, at) = next(sizes), next(sizes)
    if out != EMBEDDING_SIZE:
        raise ValueError(f"{out} numbers")
    return _read_tensor(data, at)[0].reshape(-1, out)


def _read_tensor(data: bytes, at: int) -> tuple[Floats, int]:
    """The numbers of a tensor, flat, and where it ends: a version, four sizes, then little-endian float32."""
    sizes = _read_integers(data, at)
    (version, _), *shape = (next(sizes) for _ in range(5))
    if version != 2:
        raise ValueError(f"version {version} of a tensor")
    count, at = int(np.prod([size for size, _ in shape])), shape[-1][1]
    numbers: NDArray[np.float32] = np.frombuffer(data, "<f4", count, at).astype(np.float32)
    return numbers, at + 4 * count


def _read_integers(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Whole numbers one after another, each with where it ends: a count of bytes, then these, lowest first."""
    while True:
        length = data[at]
        if not 1 <= length <= 8:  # a negative one has a bit set above; no size is negative
            raise ValueError("not a size")
        end = at + 1 + length
        yield int.from_bytes(data[at + 1 : end], "little"), end
        at = end
