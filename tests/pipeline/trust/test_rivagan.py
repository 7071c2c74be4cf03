"""The decoder promises: the network's own answers without its runtime, a true gradient, no half a file."""

from collections.abc import Mapping

import cv2
import numpy as np
import onnxruntime
import pytest

from mien_models.store import ModelStore
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.trust import rivagan
from mien_pipeline.trust.rivagan import BITS, Decoder, read_onnx


def test_the_fast_convolution_is_the_plain_one() -> None:
    """Any size, zeros outside, every output channel the sum over the input channels."""
    random = np.random.default_rng(2)
    kernel = random.normal(size=(2, 3, 1, 11, 11)).astype(np.float32)
    bias = np.array([0.5, -2], np.float32)
    convolution = rivagan._Convolution.of({"c.weight": kernel, "c.bias": bias}, "c")  # pyright: ignore[reportPrivateUsage]
    for height, width in ((132, 132), (44, 45), (7, 200)):
        picture = random.normal(size=(3, height, width)).astype(np.float32)
        plain = [
            sum(
                cv2.filter2D(picture[channel], -1, kernel[out, channel, 0], borderType=cv2.BORDER_CONSTANT)
                for channel in range(3)
            )
            + bias[out]
            for out in range(2)
        ]
        assert np.allclose(convolution(picture), plain, atol=1e-3)


def test_the_adjoint_meets_every_picture_as_the_convolution_does() -> None:
    """⟨K x, y⟩ = ⟨x, K* y⟩, which makes it the gradient's way back."""
    random = np.random.default_rng(3)
    tensors = {"c.weight": random.normal(size=(2, 3, 1, 11, 11)), "c.bias": np.zeros(2)}
    weights = {name: values.astype(np.float32) for name, values in tensors.items()}
    forward = rivagan._Convolution.of(weights, "c")  # pyright: ignore[reportPrivateUsage]
    back = rivagan._Convolution.adjoint_of(weights, "c")  # pyright: ignore[reportPrivateUsage]
    x, y = (random.normal(size=(channels, 60, 50)).astype(np.float32) for channels in (3, 2))
    assert np.isclose(np.vdot(forward(x), y), np.vdot(x, back(y)), rtol=1e-4)


@pytest.fixture(scope="module")
def small_picture(photographs: Mapping[str, Pixels]) -> Floats:
    small = cv2.resize(photographs["astronaut.png"], (132, 132), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.transpose(2, 0, 1), np.float32) / np.float32(127.5) - 1


def test_the_network_answers_as_its_runtime_does(models: ModelStore, small_picture: Floats) -> None:
    file = models.path("watermark")
    runtime = onnxruntime.InferenceSession(file)
    (logits,) = runtime.run(None, {"frame": small_picture[None, :, None]})
    assert np.allclose(Decoder(file.read_bytes()).logits(small_picture), np.asarray(logits)[0], atol=1e-3)


def test_the_direction_is_the_gradient(models: ModelStore, small_picture: Floats) -> None:
    """Along random changes of the picture, by differences of what it is the gradient of."""
    decoder = Decoder(models.path("watermark").read_bytes())
    signs = np.where(np.arange(BITS) % 3, 1, -1).astype(np.float32)
    attention = decoder.attention(small_picture)
    direction = decoder.towards(decoder.look(small_picture), attention, signs, 3.0)

    def loss(picture: Floats) -> float:
        hidden = np.tanh(decoder._hidden(picture))  # pyright: ignore[reportPrivateUsage]
        votes = decoder._out(decoder._norm(hidden))  # pyright: ignore[reportPrivateUsage]
        logits = (votes * attention).mean(axis=(1, 2), dtype=np.float64)
        return float(np.logaddexp(0, 3.0 - signs * logits).sum())

    random = np.random.default_rng(4)
    for _ in range(3):
        noise = cv2.blur(random.normal(0, 0.02, (132, 132, 3)).astype(np.float32), (9, 9))
        change = np.asarray(noise.transpose(2, 0, 1), np.float32)
        measured = loss(small_picture + change) - loss(small_picture - change)
        told = -2 * float((direction * change).sum()) / attention[0].size
        assert np.isclose(measured, told, rtol=0.1, atol=0.02)


@pytest.mark.parametrize("data", [b"", b"not a network", b"\x3a\xff\xff\xff\xff\x0f", b"\x0b" * 40])
def test_a_file_that_is_no_network_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut short|not"):
        read_onnx(data)


def test_a_network_cut_short_is_refused_at_every_length(models: ModelStore) -> None:
    whole = models.path("watermark").read_bytes()
    for length in (10, 1000, len(whole) // 2, len(whole) - 1):
        with pytest.raises(ValueError, match=r"cut short|not"):
            read_onnx(whole[:length])
