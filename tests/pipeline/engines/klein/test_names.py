"""The makers' names and the folder's are two ways to write one network."""

from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_flux2_transformer_checkpoint_to_diffusers

from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.klein.names import folder_modules, to_folder
from mien_testing.makers import small_transformer, to_makers


def test_there_and_back_is_equal_to_the_bit() -> None:
    state = small_transformer().state_dict()
    back = to_folder(to_makers(state))
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_it_reads_them_as_diffusers_does() -> None:
    """Every value: the order of query, key and value, and of the last modulation's halves, included."""
    theirs = to_makers(small_transformer().state_dict())
    convert: Any = convert_flux2_transformer_checkpoint_to_diffusers
    ours, libraries = to_folder(theirs), convert(dict(theirs))
    assert ours.keys() == libraries.keys()
    assert all(torch.equal(ours[name], libraries[name]) for name in ours)


def test_every_published_name_is_known_and_every_tensor_of_the_folder_is_one_of_them() -> None:
    modules = [name.rpartition(".")[0] for name in manifest("flux2-klein-4b.single-file")]
    parts = [part for module in modules for part in folder_modules(module)]
    assert len(parts) == len(set(parts))
    assert {f"{part}.weight" for part in parts} == set(manifest("flux2-klein-4b.transformer"))


@pytest.mark.parametrize(
    "name", ["double_blocks.0.img_mod.lin", "single_blocks.0.linear3", "vector_in.in_layer", "transformer_blocks.0"]
)
def test_a_name_that_is_not_theirs_is_none_and_its_tensor_keeps_it(name: str) -> None:
    assert folder_modules(name) == ()
    assert list(to_folder({f"{name}.weight": torch.zeros(2, 2)})) == [f"{name}.weight"]


def test_the_scale_of_a_fused_matrix_belongs_to_each_of_its_parts() -> None:
    theirs = {"double_blocks.3.txt_attn.qkv.weight_scale": torch.tensor(0.25)}
    parts = ("add_q_proj", "add_k_proj", "add_v_proj")
    assert to_folder(theirs) == {f"transformer_blocks.3.attn.{part}.weight_scale": 0.25 for part in parts}
