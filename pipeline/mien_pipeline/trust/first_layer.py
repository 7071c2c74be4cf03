"""The first layer of the content check's network, folded: the same sums, which OpenCV makes in half the time.

The layer is 7 × 7 over three colours, in steps of two pixels: a quarter of the network's time, because OpenCV computes
in blocks of channels. It is the same as 4 × 4 in steps of one, over the twelve colours of each two by two pixels, with
zeros where the eighth row and column would be.
"""

import numpy as np

from mien_pipeline.image import Floats

_FILTERS, _SIDE = 64, 7
_PADDED = 3  # pixels on each side; of folded ones 2 before and 1 after

# What the pinned file says of the layer, as protocol buffers (onnx.proto), and what it says of the folded one. The
# lengths take as many bytes as before: only the weights are longer.
_HEAD_BYTES = 512
_IN_HEAD = (
    (b"\x07strides@\x02@\x02", b"\x07strides@\x01@\x01"),
    (b"\x0ckernel_shape@\x07@\x07", b"\x0ckernel_shape@\x04@\x04"),
    (b"\x04pads@\x03@\x03@\x03@\x03", b"\x04pads@\x02@\x02@\x01@\x01"),
    (b":\xa9\xee\x9f\x0b", b":\xa9\xc8\xa0\x0b"),  # the graph, of 23,590,697 and of 23,602,217 bytes
)
_NAME = b"\x10\x01B\x1aConv__440_weights_fused_bnJ"
_WEIGHTS = b"*\xaa\xa6\x02\x08@\x08\x03\x08\x07\x08\x07" + _NAME + b"\x80\xa6\x02"  # 64 × 3 × 7 × 7
_FOLDED_WEIGHTS = b"*\xaa\x80\x03\x08@\x08\x0c\x08\x04\x08\x04" + _NAME + b"\x80\x80\x03"  # 64 × 12 × 4 × 4


def fold_first_layer(onnx: bytes) -> bytes:
    """The pinned file with its first layer folded; the network then takes what `fold_pixels` makes."""
    begin = onnx.rindex(_WEIGHTS)  # near the end
    values, whole = begin + len(_WEIGHTS), memoryview(onnx)
    count = _FILTERS * 3 * _SIDE * _SIDE
    kernel = np.frombuffer(onnx, "<f4", count, values).reshape(_FILTERS, 3, _SIDE, _SIDE)
    head = onnx[:_HEAD_BYTES]
    for old, new in _IN_HEAD:
        head = head.replace(old, new, 1)
    folded = _fold_kernel(kernel).astype("<f4").tobytes()
    return b"".join((head, whole[_HEAD_BYTES:begin], _FOLDED_WEIGHTS, folded, whole[values + 4 * count :]))


def fold_pixels(pixels: Floats) -> Floats:
    """(H/2, W/2, 12) of (H, W, 3): the colours of the upper left, upper right, lower left and lower right pixel."""
    height, width, colours = pixels.shape
    squares = pixels.reshape(height // 2, 2, width // 2, 2, colours).swapaxes(1, 2)
    return squares.reshape(height // 2, width // 2, 4 * colours)


def _fold_kernel(kernel: Floats) -> Floats:
    """(64, 12, 4, 4) of (64, 3, 7, 7). Its first row and column are zeros, which makes the padding of three even."""
    even = np.zeros((_FILTERS, 3, _SIDE + 1, _SIDE + 1), np.float32)
    even[:, :, 1:, 1:] = kernel
    squares = even.reshape(_FILTERS, 3, 4, 2, 4, 2).transpose(0, 3, 5, 1, 2, 4)
    return np.ascontiguousarray(squares.reshape(_FILTERS, 12, 4, 4))
