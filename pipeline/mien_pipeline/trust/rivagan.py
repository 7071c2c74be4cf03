"""rivaGAN's two networks, from the weights in their ONNX files, by fast convolution.

Zhang, Xu, Cuesta-Infante and Veeramachaneni, "Robust invisible video watermarking with attention", 2019
(arXiv:1909.01285). Why not a runtime: OpenCV 5.0 reads both files and answers NaN (its batch normalisation of
five-dimensional tensors is broken), and the networks are little else than 11 × 11 convolutions, which the
convolution theorem makes four to six times cheaper than any runtime's direct ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.types import Floats

BITS = 32
KERNEL = 11
# 54 × 54 transforms give 44 × 44 valid outputs: 3 × 3 tiles for the canonical 132-pixel picture, and 12 MB of
# transformed kernels a layer. (Measured: 64 × 64 takes twice as long an element; its columns share cache lines.)
_TILE = 54
_VALID = _TILE - KERNEL + 1
_RESIDUAL_SCALE = 0.016  # the encoder's last constant: at most two grey levels of 255 a pixel

Weights = Mapping[str, Floats]


class Encoder:
    """Picture and bits → the residual that carries the bits."""

    def __init__(self, onnx: bytes) -> None:
        tensors = read_onnx(onnx)
        self._attention = _Attention.of(tensors)
        self._hidden = _Convolution.of(tensors, "_conv.0")
        self._norm = _Norm.of(tensors, "_conv.2")
        self._out = _Convolution.of(tensors, "_conv.3")

    def residual(self, picture: Floats, bits: Floats) -> Floats:
        """(3, H, W) in the picture's own scale of −1..1, for bits of 0 or 1, shape (32,)."""
        carried = np.tensordot(2 * bits - 1, self._attention(picture), axes=1)
        hidden = self._norm(np.tanh(self._hidden(np.concatenate((picture, carried[None])))))
        return np.asarray(np.tanh(self._out(hidden)) * np.float32(_RESIDUAL_SCALE), np.float32)


class Decoder:
    """Picture → one logit a bit."""

    def __init__(self, onnx: bytes) -> None:
        tensors = read_onnx(onnx)
        self._attention = _Attention.of(tensors)
        self._hidden = _Convolution.of(tensors, "_conv.0")
        self._norm = _Norm.of(tensors, "_conv.2")
        self._out = _Convolution.of(tensors, "_conv.3")

    def logits(self, picture: Floats) -> Floats:
        """(32,), positive for a 1, from a (3, H, W) picture in −1..1."""
        votes = self._out(self._norm(np.tanh(self._hidden(picture))))
        total = np.einsum("bhw,bhw->b", votes, self._attention(picture))
        return np.asarray(total / votes[0].size, np.float32)


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
        spectrum: (frequencies, out, in) complex64, the conjugate transform of the kernel: the network's
            convolutions are correlations.
        bias: (out, 1, 1).
    """

    spectrum: NDArray[np.complex64]
    bias: Floats

    @classmethod
    def of(cls, tensors: Weights, name: str) -> "_Convolution":
        kernel = tensors[f"{name}.weight"][:, :, 0]
        spectrum = np.conj(np.fft.rfft2(kernel, s=(_TILE, _TILE)))
        frequencies = spectrum.reshape(*kernel.shape[:2], -1).transpose(2, 0, 1)
        return cls(np.ascontiguousarray(frequencies, np.complex64), tensors[f"{name}.bias"][:, None, None])

    def __call__(self, x: Floats) -> Floats:
        """(in, H, W) → (out, H, W)."""
        channels, height, width = x.shape
        down, across = -(-height // _VALID), -(-width // _VALID)
        margin = KERNEL // 2
        padded = np.zeros((channels, down * _VALID + KERNEL - 1, across * _VALID + KERNEL - 1), np.float32)
        padded[:, margin : margin + height, margin : margin + width] = x
        tiles = np.stack(
            [
                padded[:, top * _VALID : top * _VALID + _TILE, left * _VALID : left * _VALID + _TILE]
                for top in range(down)
                for left in range(across)
            ],
            axis=1,
        )
        spectra = np.fft.rfft2(tiles).reshape(channels, down * across, -1).transpose(2, 0, 1)
        product = (self.spectrum @ spectra).transpose(1, 2, 0).reshape(-1, down * across, _TILE, _TILE // 2 + 1)
        valid = np.fft.irfft2(product, s=(_TILE, _TILE))[..., :_VALID, :_VALID]
        joined = valid.reshape(-1, down, across, _VALID, _VALID).transpose(0, 1, 3, 2, 4)
        whole = joined.reshape(-1, down * _VALID, across * _VALID)[:, :height, :width]
        return np.asarray(whole + self.bias, np.float32)


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
    """(field number, value) of one protocol buffer message: integers, or bytes of whatever is inside."""
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
