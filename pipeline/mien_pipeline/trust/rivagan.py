"""rivaGAN's decoder, from the weights in its ONNX file, by fast convolution, forwards and backwards.

Zhang, Xu, Cuesta-Infante and Veeramachaneni, "Robust invisible video watermarking with attention", 2019
(arXiv:1909.01285). Why not a runtime: OpenCV 5.0 reads the file and answers NaN (its batch normalisation of
five-dimensional tensors is broken), and the network is little else than 11 × 11 convolutions, which the
convolution theorem makes four to six times cheaper than any runtime's direct ones. Why not its encoder: that
knows no picture in particular, and needs four times the colour change that the decoder's own gradient does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mien_pipeline.image import Floats

BITS = 32
KERNEL = 11
# 54 × 54 transforms give 44 × 44 valid outputs: 3 × 3 tiles for the canonical 132-pixel picture, and 12 MB of
# transformed kernels a layer. (Measured: 64 × 64 takes twice as long an element; its columns share cache lines.)
_TILE = 54
_VALID = _TILE - KERNEL + 1
_HALF = _TILE // 2 + 1  # frequencies of a real row

Weights = Mapping[str, Floats]


class Decoder:
    """Picture → one logit a bit; and back: how the picture has to change for the logits that are wanted."""

    def __init__(self, onnx: bytes) -> None:
        tensors = read_onnx(onnx)
        self._attention = _Attention.of(tensors)
        self._hidden = _Convolution.of(tensors, "_conv.0")
        self._norm = _Norm.of(tensors, "_conv.2")
        self._out = _Convolution.of(tensors, "_conv.3")
        self._hidden_back = _Convolution.adjoint_of(tensors, "_conv.0")
        self._out_back = _Convolution.adjoint_of(tensors, "_conv.3")

    def logits(self, picture: Floats) -> Floats:
        """(32,), positive for a 1, from a (3, H, W) picture in −1..1."""
        return self.pool(self.look(picture), picture)

    def look(self, picture: Floats) -> "Votes":
        """What every pixel says of each bit: what reading and changing a picture both begin with."""
        hidden = np.tanh(self._hidden(picture))
        return Votes(hidden, self._out(self._norm(hidden)))

    def pool(self, votes: "Votes", picture: Floats) -> Floats:
        """(32,) logits of a picture whose votes are known."""
        return pool_votes(votes, self.attention(picture))

    def attention(self, picture: Floats) -> Floats:
        """(32, H, W): where in the picture each bit lives."""
        return self._attention(picture)

    def towards(self, votes: "Votes", attention: Floats, signs: Floats, margin: float) -> Floats:
        """(3, H, W): the direction in which the logits soonest have these signs by this margin.

        It is the negative gradient of softplus(margin − sign · logit), summed over the bits, with the attention held
        as it is: half the work, and what it writes reads back as well.
        """
        logits = pool_votes(votes, attention)
        wanting = np.asarray(signs / (1 + np.exp(signs * logits - margin)), np.float32)
        back = self._out_back(attention * wanting[:, None, None]) * self._norm.scale * (1 - votes.hidden**2)
        return self._hidden_back(np.asarray(back, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """A picture inside the network: (hidden, H, W), and (32, H, W) what each pixel says of each bit."""

    hidden: Floats
    votes: Floats


def pool_votes(votes: Votes, attention: Floats) -> Floats:
    """(32,) logits, of votes and of where each bit lives, (32, H, W)."""
    total = np.einsum("bhw,bhw->b", votes.votes, attention)
    return np.asarray(total / attention[0].size, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Norm:
    """Batch normalisation with its running statistics, as one scale and shift a channel."""

    scale: Floats
    shift: Floats

    @classmethod
    def of(cls, tensors: Weights, name: str) -> "_Norm":
        deviation: Floats = np.sqrt(tensors[f"{name}.running_var"] + np.float32(1e-5))
        scale = tensors[f"{name}.weight"] / deviation
        shift = np.asarray(tensors[f"{name}.bias"] - tensors[f"{name}.running_mean"] * scale, np.float32)
        return cls(scale[:, None, None], shift[:, None, None])

    def __call__(self, x: Floats) -> Floats:
        return x * self.scale + self.shift


@dataclass(frozen=True, slots=True, eq=False)
class _Convolution:
    """An 11 × 11 convolution with zero padding, by overlap-save in tiles.

    Attributes:
        spectrum: (frequencies, out, in) complex64, the transform of the kernel times the number of a tile's rows. The
            network's convolutions are correlations, so it meets the conjugate of a tile's.
        bias: (out, 1, 1).
    """

    spectrum: NDArray[np.complex64]
    bias: Floats

    @classmethod
    def of(cls, tensors: Weights, name: str) -> "_Convolution":
        return cls(_transform_kernel(_read_kernel(tensors, name)), tensors[f"{name}.bias"][:, None, None])

    @classmethod
    def adjoint_of(cls, tensors: Weights, name: str) -> "_Convolution":
        """From a gradient by its output to the one by its input: the kernels turned, in and out exchanged, no bias."""
        kernel = _read_kernel(tensors, name)[:, :, ::-1, ::-1].swapaxes(0, 1)
        return cls(_transform_kernel(kernel), np.zeros((len(kernel), 1, 1), np.float32))

    def __call__(self, x: Floats) -> Floats:
        """(in, H, W) → (out, H, W)."""
        channels, height, width = x.shape
        down, across = -(-height // _VALID), -(-width // _VALID)
        margin = KERNEL // 2
        padded = np.zeros((channels, down * _VALID + KERNEL - 1, across * _VALID + KERNEL - 1), np.float32)
        padded[:, margin : margin + height, margin : margin + width] = x
        tiles = sliding_window_view(padded, (_TILE, _TILE), (1, 2))[:, ::_VALID, ::_VALID]
        spectra = _transform_tiles(tiles).reshape(channels, down * across, -1).transpose(2, 0, 1)
        # Copied into order first: the 1512 small products then take a third less time.
        product = np.conj(self.spectrum @ np.ascontiguousarray(spectra)).transpose(1, 2, 0)
        columns = np.fft.ifft(product.reshape(-1, down * across, _TILE, _HALF), axis=-2)
        valid = np.fft.irfft(columns[..., :_VALID, :], _TILE)[..., :_VALID]
        joined = valid.reshape(-1, down, across, _VALID, _VALID).transpose(0, 1, 3, 2, 4)
        whole = joined.reshape(-1, down * _VALID, across * _VALID)[:, :height, :width]
        return np.asarray(whole + self.bias, np.float32)


def _read_kernel(tensors: Weights, name: str) -> Floats:
    """(out, in, 11, 11); the file's has a third dimension, of one picture."""
    return tensors[f"{name}.weight"][:, :, 0]


def _transform_kernel(kernel: Floats) -> NDArray[np.complex64]:
    """(frequencies, out, in), the transform of (out, in, 11, 11) times the number of a tile's rows.

    It is two products: of 54 rows and columns a kernel has 11, and the rest are zeros. Rows and columns come first, so
    that the result is in order.
    """
    by_row = np.ascontiguousarray(kernel.transpose(2, 3, 0, 1), np.complex64).reshape(KERNEL, -1)
    by_column = (_waves(_TILE, KERNEL) @ by_row).reshape(_TILE, KERNEL, -1)
    spectrum = (np.float32(_TILE) * _waves(_HALF, KERNEL)) @ by_column
    return np.asarray(spectrum.reshape(-1, *kernel.shape[:2]), np.complex64)


def _transform_tiles(tiles: Floats) -> NDArray[np.complex64]:
    """(…, 54, 28), the conjugate transform of (…, 54, 54), by the number of its rows.

    Rows by a product and columns by the inverse transform take half the time of NumPy's own forward transform.
    """
    rows = (tiles @ _row_waves()).view(np.complex64)
    return np.asarray(np.fft.ifft(rows, axis=-2), np.complex64)


@cache
def _row_waves() -> Floats:
    """(54, 56): what each pixel of a row adds to its frequencies, the real and the imaginary part by turns."""
    waves = np.conj(_waves(_HALF, _TILE)).T
    return np.ascontiguousarray(waves).view(np.float32)


def _waves(frequencies: int, length: int) -> NDArray[np.complex64]:
    """(frequencies, length) what a pixel adds to each frequency of a tile."""
    turns = np.outer(np.arange(frequencies), np.arange(length)) / _TILE
    return np.asarray(np.exp(-2j * np.pi * turns), np.complex64)


@dataclass(frozen=True, slots=True, eq=False)
class _Attention:
    """Where in the picture each bit lives: a softmax over the 32 bits at every pixel."""

    first: _Convolution
    first_norm: _Norm
    second: _Convolution
    second_norm: _Norm

    @classmethod
    def of(cls, tensors: Weights) -> "_Attention":
        return cls(
            _Convolution.of(tensors, "_attention.0"),
            _Norm.of(tensors, "_attention.2"),
            _Convolution.of(tensors, "_attention.3"),
            _Norm.of(tensors, "_attention.5"),
        )

    def __call__(self, picture: Floats) -> Floats:
        features = self.first_norm(np.tanh(self.first(picture)))
        scores = self.second_norm(np.tanh(self.second(features)))
        weights: Floats = np.exp(scores - scores.max(axis=0))
        return np.asarray(weights / weights.sum(axis=0), np.float32)


def read_onnx(data: bytes) -> dict[str, Floats]:
    """The float32 tensors of an ONNX file, by name.

    Only what is needed of the format: model field 7 is the graph, graph field 5 an initialiser; of a tensor 1 are
    dimensions, 2 the type (1 is float32), 8 the name, 9 the little-endian bytes (onnx.proto, ONNX IR version 3+).

    Raises:
        ValueError: the file is not an ONNX model.
    """
    tensors: dict[str, Floats] = {}
    for number, graph in _fields(data):
        if number != 7 or not isinstance(graph, bytes):
            continue
        for inner, tensor in _fields(graph):
            if inner == 5 and isinstance(tensor, bytes):
                tensors.update(_float_tensor(tensor))
    if not tensors:
        raise ValueError("no tensors: not an ONNX model")
    return tensors


def _float_tensor(data: bytes) -> dict[str, Floats]:
    dimensions: list[int] = []
    name, raw, kind = "", b"", 0
    for number, value in _fields(data):
        if number == 1:
            dimensions.extend([value] if isinstance(value, int) else _varints(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and isinstance(value, bytes):
            name = value.decode()
        elif number == 9 and isinstance(value, bytes):
            raw = value
    return {name: np.frombuffer(raw, "<f4").reshape(dimensions).astype(np.float32)} if kind == 1 and raw else {}


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of one protocol buffer message: integers, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError("not a protocol buffer")
        if at + size > len(data):
            raise ValueError("a protocol buffer cut short")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a protocol buffer cut short")


def _varints(data: bytes) -> list[int]:
    values: list[int] = []
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values
