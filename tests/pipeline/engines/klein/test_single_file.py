"""The makers' one file, their float8 and a GGUF file are the folder's network, as exactly as their numbers allow."""

from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.casting import is_held_in_float8
from mien_pipeline.engines.diffusion.float8 import FLOAT8
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.klein.names import to_folder
from mien_pipeline.engines.klein.published import TRANSFORMER
from mien_pipeline.engines.klein.single_file import config_from, load_single_file
from mien_testing.makers import inputs, is_matrix_of_a_block, small_transformer, to_makers, write_fp8, write_gguf


@pytest.fixture(scope="module")
def folder() -> Any:
    return small_transformer()


@pytest.fixture(scope="module")
def theirs(folder: Any) -> dict[str, Tensor]:
    return to_makers(folder.state_dict())


def made(network: Any) -> Tensor:
    answer: Tensor = network(**inputs())[0]
    return answer


def off(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def test_one_file_is_the_folder_to_the_bit(tmp_path: Path, folder: Any, theirs: dict[str, Tensor]) -> None:
    save_file(theirs, tmp_path / "single.safetensors")
    loaded = load_single_file(tmp_path / "single.safetensors", "float32", torch.bfloat16)
    assert torch.equal(made(loaded), made(folder))
    assert not any(value.requires_grad for value in loaded.parameters())


def test_the_published_file_says_the_published_configuration() -> None:
    assert config_from(manifest("flux2-klein-4b.single-file")) == TRANSFORMER


def test_the_makers_float8_is_multiplied_with_its_scales(
    tmp_path: Path, folder: Any, theirs: dict[str, Tensor]
) -> None:
    """What is outside the blocks stays in bfloat16, and the blocks hold one byte a value."""
    loaded = load_single_file(write_fp8(tmp_path / "fp8.safetensors", theirs), "float8", torch.float32)
    assert is_held_in_float8(loaded)
    dtypes = {name: value.dtype for name, value in loaded.named_parameters() if value.ndim == 2}
    assert {name for name, dtype in dtypes.items() if dtype is FLOAT8} == {
        name for name in dtypes if is_matrix_of_a_block(name, torch.empty(1, 1))
    }
    assert 0.005 < off(made(loaded), made(folder)) < 0.1


def test_a_float8_without_a_scale_has_the_scale_1(tmp_path: Path, theirs: dict[str, Tensor]) -> None:
    plain = {name: value.to(FLOAT8) if is_matrix_of_a_block(name, value) else value for name, value in theirs.items()}
    save_file(plain, tmp_path / "plain.safetensors")
    loaded: Any = load_single_file(tmp_path / "plain.safetensors", "float8", torch.float32)
    assert {float(value) for name, value in loaded.named_parameters() if name.endswith("scale")} == {1.0}


MATRIX = "double_blocks.0.img_attn.proj"


@pytest.mark.parametrize(
    ("change", "field", "named"),
    [
        ({f"{MATRIX}.weight_scale": None}, "missing", f"{MATRIX}.weight_scale"),
        ({f"{MATRIX}.weight_scale": torch.ones(64)}, "misshapen", f"{MATRIX}.weight_scale"),
        ({f"{MATRIX}.input_scale": torch.ones(1, 1)}, "misshapen", f"{MATRIX}.input_scale"),
        ({"img_in.weight_scale": torch.ones(())}, "extra", "img_in.weight_scale"),
        ({"nothing.input_scale": torch.ones(())}, "extra", "nothing.input_scale"),
    ],
)
def test_a_float8_file_with_a_wrong_scale_is_refused_by_its_name(
    tmp_path: Path, theirs: dict[str, Tensor], change: dict[str, Any], field: str, named: str
) -> None:
    path = write_fp8(tmp_path / "fp8.safetensors", theirs)
    changed: dict[str, Any] = load_file(path) | change
    save_file({name: value for name, value in changed.items() if value is not None}, path)
    with pytest.raises(BrokenWeights) as refused:
        load_single_file(path, "float8", torch.float32)
    assert refused.value.fields[field] == [named]
    assert refused.value.fields["file"] == path.name


def test_a_scale_in_a_list_of_one_is_that_number(tmp_path: Path, theirs: dict[str, Tensor]) -> None:
    path = write_fp8(tmp_path / "fp8.safetensors", theirs)
    plain = load_single_file(path, "float8", torch.float32)
    stored = load_file(path)
    save_file({name: value.reshape(1) if value.ndim == 0 else value for name, value in stored.items()}, path)
    listed = load_single_file(path, "float8", torch.float32)
    assert torch.equal(made(listed), made(plain))
    assert {value.shape for name, value in listed.named_parameters() if name.endswith("scale")} <= {torch.Size()}


@pytest.mark.parametrize("kind", ["F32", "Q8_0", "Q4_0"])
def test_a_gguf_file_is_the_network_of_its_own_values(tmp_path: Path, theirs: dict[str, Tensor], kind: Any) -> None:
    """Compared with the plain network of what the file's blocks stand for. diffusers unpacks them in float16, whose
    rounding of 2^-12 is all that may differ."""
    path = write_gguf(tmp_path / "klein.gguf", theirs, kind)
    loaded = load_single_file(path, "gguf-q8" if kind == "Q8_0" else "gguf-q4", torch.float32)
    packed = any(value.dtype is torch.uint8 for value in loaded.parameters())
    assert packed == (kind != "F32")
    reader: Any = gguf.GGUFReader(path)
    values = {
        each.name: torch.from_numpy(gguf.quants.dequantize(each.data, each.tensor_type).copy()).view(
            theirs[each.name].shape
        )
        for each in reader.tensors
    }
    plain = small_transformer()
    plain.load_state_dict(to_folder(values))
    assert off(made(loaded), made(plain)) <= (2**-12 if packed else 0)


@pytest.mark.parametrize(
    ("change", "field", "named"),
    [
        ({"double_blocks.1.img_attn.proj.weight": None}, "missing", "transformer_blocks.1.attn.to_out.0.weight"),
        ({"vector_in.in_layer.weight": torch.zeros(2, 2)}, "extra", "vector_in.in_layer.weight"),
        ({"img_in.weight": None}, "missing", "img_in.weight"),
        (
            {"single_blocks.2.linear2.weight": torch.zeros(64, 64)},
            "misshapen",
            "single_transformer_blocks.2.attn.to_out.weight",
        ),
    ],
)
def test_a_file_that_differs_in_one_tensor_is_refused_by_its_name(
    tmp_path: Path, theirs: dict[str, Tensor], change: dict[str, Any], field: str, named: str
) -> None:
    path = tmp_path / "changed.safetensors"
    save_file({name: value for name, value in (theirs | change).items() if value is not None}, path)
    with pytest.raises(BrokenWeights) as refused:
        load_single_file(path, "bfloat16", torch.bfloat16)
    assert refused.value.fields[field] == [named]
    assert refused.value.fields["file"] == path.name


def test_a_gguf_file_of_another_network_is_refused_by_its_name(tmp_path: Path, theirs: dict[str, Tensor]) -> None:
    path = write_gguf(tmp_path / "other.gguf", {"blk.0.attn.weight": torch.zeros(2, 32)}, "F32")
    with pytest.raises(BrokenWeights, match=r"other\.gguf"):
        load_single_file(path, "gguf-q4", torch.float32)
