"""Whichever files hold the transformer, one network comes of them, with the LoRA in it or beside it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mien_pipeline.engines.diffusion.float8 import ScaledLinear
from mien_pipeline.engines.klein.files import KleinFiles
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.transformer import load_transformer
from mien_testing.makers import to_makers, write_fp8


@pytest.fixture(scope="module")
def theirs(stack: Stack) -> dict[str, Tensor]:
    """The tiny transformer's tensors under its makers' names."""
    return to_makers(load_transformer(stack.files, "float32", torch.float32, 0.0).state_dict())


def matrix(network: Any) -> Tensor:
    value: Tensor = network.transformer_blocks[0].attn.to_q.weight
    return value


def test_the_lora_is_merged_by_its_scale(stack: Stack) -> None:
    plain, half, whole = (
        matrix(load_transformer(stack.files, "float32", torch.float32, scale)) for scale in (0.0, 0.5, 1.0)
    )
    assert (whole - plain).abs().max() > 1e-3
    torch.testing.assert_close(half, (plain + whole) / 2, atol=1e-6, rtol=0)


def test_one_file_is_the_folder_with_its_lora(stack: Stack, theirs: dict[str, Tensor], tmp_path: Path) -> None:
    save_file({name: value.contiguous() for name, value in theirs.items()}, tmp_path / "one.safetensors")
    single = replace(stack.files, transformer=tmp_path / "one.safetensors")
    ours, other = (load_transformer(files, "float32", torch.float32, 1.0) for files in (stack.files, single))
    assert torch.equal(matrix(ours), matrix(other))


@pytest.mark.parametrize("full", [True, False])
def test_float8_is_made_of_full_weights_where_they_are_there(
    stack: Stack, theirs: dict[str, Tensor], tmp_path: Path, full: bool
) -> None:
    packed = write_fp8(tmp_path / "fp8.safetensors", theirs)
    files = KleinFiles(stack.files.transformer if full else None, {"float8": packed}, stack.files.text,
                       stack.files.vae, stack.files.lora)  # fmt: skip
    network: Any = load_transformer(files, "float8", torch.bfloat16, 1.0)
    layer = network.transformer_blocks[0].attn.to_q
    assert isinstance(layer, ScaledLinear) == full
    assert hasattr(layer, "down") == (not full), "beside a packed matrix"
