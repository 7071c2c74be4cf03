"""A network's size is summed from the names and shapes of its tensors, in any number format."""

from typing import Any

import gguf
import pytest

from mien_pipeline.plan.component import BYTES, Component, NumberFormat, component

NET = Component("net", "sampling", wide=1000, narrow=100, window=300)


@pytest.mark.parametrize(
    ("form", "expected"),
    [("float32", 4400), ("bfloat16", 2200), ("float8", 1200), ("int8", 1200), ("nf4", 762), ("gguf-q8", 1262)],
)
def test_matrices_are_counted_in_their_format_and_vectors_in_sixteen_bits(form: NumberFormat, expected: int) -> None:
    """In float32 vectors have four bytes as well."""
    assert NET.bytes_as(form) == expected


def test_blocks_of_gguf_take_what_its_format_says() -> None:
    sizes: Any = gguf.GGML_QUANT_SIZES
    kinds = gguf.GGMLQuantizationType
    formats: dict[NumberFormat, Any] = {"gguf-q8": kinds.Q8_0, "gguf-q4": kinds.Q4_0}
    for form, kind in formats.items():
        values, size = sizes[kind]
        assert BYTES[form] == size / values


def test_four_bit_floats_have_a_scale_of_four_bytes_for_sixty_four_values() -> None:
    """QLoRA, Dettmers et al. 2023 (arXiv:2305.14314), section 3, without double quantisation."""
    assert BYTES["nf4"] == (64 * 4 / 8 + 4) / 64


def test_a_streamed_network_takes_its_window_and_never_more_than_the_whole() -> None:
    assert NET.window_as("bfloat16") == 600
    assert Component("net", "sampling", wide=100, narrow=10, window=400).window_as("bfloat16") == 220


def test_streaming_keeps_two_blocks_and_what_is_outside_them() -> None:
    shapes = {f"blocks.{index}.weight": (100, 10 + index) for index in range(5)} | {"embed.weight": (100, 3)}
    one = component("net", "sampling", {**shapes, "norm.bias": (7,)})
    assert one.window == 300 + 100 * 13 + 100 * 14
    assert (one.wide, one.narrow) == (sum(100 * (10 + index) for index in range(5)) + 300, 7)


def test_a_name_that_is_no_layers_is_outside_the_blocks() -> None:
    shapes = {"proj.weight": (4, 5), "blocks.0.weight": (2, 3), "scale": (), "blocks.0.bias": (3,)}
    one = component("net", "text", shapes, part="pulid")
    assert (one.wide, one.narrow, one.window) == (26, 1 + 3, 20 + 6)
    assert (one.name, one.phase, one.part) == ("net", "text", "pulid")
