"""A file with just the wanted tensors is taken; one that differs is refused with the tensor's name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.weights import load, shapes_of
from mien_pipeline.engines.flux.instantid import Resampler


def shapes(module: nn.Module, prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {f"{prefix}{name}": tuple(value.shape) for name, value in module.state_dict().items()}


SMALL: dict[str, tuple[int, ...]] = shapes(Resampler(64, 2, 1, 96, 8, 512, 24), "image_proj.")


def write(path: Path, tensors: dict[str, tuple[int, ...]]) -> Path:
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, path)
    return path


def load_small(path: Path) -> Resampler:
    return load(Resampler.from_shapes, path, prefix="image_proj.")


def test_a_file_with_just_these_tensors_is_taken(tmp_path: Path) -> None:
    module = load_small(write(tmp_path / "image_proj_model.safetensors", SMALL))
    assert shapes(module, "image_proj.") == SMALL
    assert all(not parameter.is_meta and not parameter.requires_grad for parameter in module.parameters())
    half = load(Resampler.from_shapes, tmp_path / "image_proj_model.safetensors", prefix="image_proj.", form="bfloat16")
    assert half.latents.dtype is torch.bfloat16


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"image_proj.proj_out.bias": None}, "missing"),
        ({"image_proj.proj_out.scale": (24,)}, "extra"),
        ({"image_proj.layers.1.0.to_kv.weight": (64, 64)}, "misshapen"),
    ],
)
def test_a_file_that_differs_in_one_tensor_is_refused_by_its_name(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    changed = {name: shape for name, shape in (SMALL | change).items() if shape is not None}
    with pytest.raises(BrokenWeights) as refused:
        load_small(write(tmp_path / "changed.safetensors", changed))
    assert refused.value.fields[field] == list(change)
    assert refused.value.fields["file"] == "changed.safetensors"
    assert next(iter(change)) in str(refused.value)


def test_a_file_that_lacks_what_gives_the_size_is_refused(tmp_path: Path) -> None:
    without = {name: shape for name, shape in SMALL.items() if not name.endswith("latents")}
    with pytest.raises(BrokenWeights, match="latents"):
        load_small(write(tmp_path / "sizeless.safetensors", without))


def test_a_file_that_is_cut_short_or_something_else_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.safetensors", SMALL)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[:-100])
    other = tmp_path / "other.safetensors"
    other.write_text("<html>not found</html>")
    for path in (cut, other):
        with pytest.raises(BrokenWeights, match=path.name):
            shapes_of(path)


def test_a_file_in_eight_bit_floats_is_taken(tmp_path: Path) -> None:
    """InfiniteYou is published in this form as well: same names, same shapes, one byte a number."""
    path = tmp_path / "fp8.safetensors"
    save_file({name: torch.full(shape, 0.5).to(torch.float8_e4m3fn) for name, shape in SMALL.items()}, path)
    module = load(Resampler.from_shapes, path, prefix="image_proj.", form="bfloat16")
    assert module.proj_in.weight.dtype is torch.bfloat16
    assert module.proj_in.weight[0, 0] == 0.5


def test_a_file_that_holds_no_floats_where_the_network_has_them_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "integers.safetensors"
    name = "image_proj.proj_out.weight"
    save_file(
        {key: torch.zeros(shape, dtype=torch.int32 if key == name else None) for key, shape in SMALL.items()}, path
    )
    with pytest.raises(BrokenWeights, match=r"proj_out.weight \(I32\)") as refused:
        load_small(path)
    assert refused.value.fields["mistyped"] == [name]


class Tied(nn.Module):
    """Two layers with one matrix, as T5 has its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight


@pytest.mark.parametrize("names", [("first.weight",), ("first.weight", "second.weight")])
def test_a_parameter_with_two_names_is_read_once_and_stays_one(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Whether the file has it under one name or under both."""
    save_file({name: torch.full((3, 3), 2.0) for name in names}, tmp_path / "tied.safetensors")
    module = load(lambda _: Tied(), tmp_path / "tied.safetensors", form="float32")
    assert module.second.weight is module.first.weight
    assert module.first.weight.sum() == 18
    with pytest.raises(BrokenWeights):
        load(lambda _: Tied(), write(tmp_path / "second.safetensors", {"second.weight": (3, 3), "other": (1,)}))


def test_values_take_the_sixteen_bit_floats_of_the_device_at_once(tmp_path: Path) -> None:
    """Not by way of bfloat16, which has three binary digits less."""
    path = tmp_path / "fine.safetensors"
    save_file({name: torch.full(shape, 1.0009765625) for name, shape in SMALL.items()}, path)
    module = load(Resampler.from_shapes, path, prefix="image_proj.", form="bfloat16", half=torch.float16)
    assert module.latents.dtype is torch.float16
    assert module.latents.flatten()[0].item() == 1.0009765625
