"""The manifests of FLUX.2 [klein] 4B are what the libraries' classes hold, and weigh what was published, to the byte.

No published file was at hand. Where each name and shape comes from:

- transformer, VAE and text encoder: the classes of diffusers and transformers, at the published configuration;
- the makers' single file: the names that diffusers' converter reads;
- the LoRA: `diffusion_model.` and every matrix of the makers' blocks, which gives the 160 tensors it is said to have.

A safetensors file's size is its values and its header, and the header is the names: one wrong name, shape or number
format, and it is another size than the catalogue has.
"""

import json
from math import prod
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_flux2_transformer_checkpoint_to_diffusers
from torch import nn

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.weights import agree
from mien_testing.published_klein import published_network

SIZES = {"F8_E4M3": 1, "BF16": 2, "F32": 4, "I64": 8}
OF_PYTORCH = {"format": "pt"}


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "network", "tensors", "parameters"),
    [
        ("flux2-klein-4b.transformer", "transformer", 169, 3_875_544_576),
        ("flux2.vae", "vae", 251, 84_046_115 + 2 * 128 + 1),  # with the statistics of its batch norm
        ("qwen3-4b", "text_encoder", 398, 4_022_468_096),
    ],
)
def test_a_librarys_network_at_published_size_is_its_manifest(
    name: str, network: str, tensors: int, parameters: int
) -> None:
    found, published = shapes(published_network(network)), manifest(name)
    found.pop("lm_head.weight", None)  # the embedding's second name: a file has it once
    agree(name, found, published)
    assert (len(published), sum(map(prod, published.values()))) == (tensors, parameters)


def test_the_makers_single_file_holds_the_folders_transformer() -> None:
    published = manifest("flux2-klein-4b.single-file")
    assert len(published) == 149
    convert: Any = convert_flux2_transformer_checkpoint_to_diffusers
    converted = convert({name: torch.empty(shape, device="meta") for name, shape in published.items()})
    agree("converted", {name: tuple(value.shape) for name, value in converted.items()}, manifest_of_folder())


def manifest_of_folder() -> Shapes:
    return manifest("flux2-klein-4b.transformer")


def test_the_lora_has_a_pair_for_every_matrix_of_the_makers_blocks() -> None:
    blocks = {
        name: shape for name, shape in manifest("flux2-klein-4b.single-file").items() if "blocks" in name and shape[1:]
    }
    lora = manifest("bfs-head-klein-4b")
    assert len(lora) == 160 == 2 * len(blocks)
    for name, (rows, columns) in blocks.items():
        stem = f"diffusion_model.{name.removesuffix('.weight')}"
        (rank, read), (made, again) = lora[f"{stem}.lora_A.weight"], lora[f"{stem}.lora_B.weight"]
        assert (made, read, rank) == (rows, columns, again)


def file_bytes(published: Shapes, types: dict[str, str], metadata: dict[str, str]) -> int:
    """What a safetensors file of these tensors weighs, as the library writes it: the widest numbers first."""
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name in sorted(published, key=lambda name: (-SIZES[types[name]], name)):
        begin, end = end, end + SIZES[types[name]] * prod(published[name])
        header[name] = {"dtype": types[name], "shape": list(published[name]), "data_offsets": [begin, end]}
    written = len(json.dumps(header, separators=(",", ":")))
    return 8 + written + -written % 8 + end


def size_of(model: str, file: str) -> int | None:
    return load_catalogue({}).file(model, file).size


def in_bfloat16(published: Shapes) -> dict[str, str]:
    return {name: "I64" if name.endswith("num_batches_tracked") else "BF16" for name in published}


@pytest.mark.parametrize(
    ("name", "model", "folder"),
    [
        ("flux2-klein-4b.transformer", "flux-2-klein-4b-transformer", "transformer"),
        ("flux2.vae", "flux-2-klein-4b-vae", "vae"),
    ],
)
def test_a_manifest_weighs_what_its_file_does(name: str, model: str, folder: str) -> None:
    published = manifest(name)
    weighed = file_bytes(published, in_bfloat16(published), OF_PYTORCH)
    assert weighed == size_of(model, f"{folder}/diffusion_pytorch_model.safetensors")


def test_the_text_encoders_manifest_weighs_what_its_two_shards_do() -> None:
    """transformers begins a shard where 5 GB would be exceeded."""
    published = manifest("qwen3-4b")
    shards: list[dict[str, tuple[int, ...]]] = [{}]
    for name in shapes(published_network("text_encoder")):
        if name in published:
            if 2 * sum(map(prod, [*shards[-1].values(), published[name]])) > 5e9:
                shards.append({})
            shards[-1][name] = published[name]
    weighed = [file_bytes(shard, in_bfloat16(shard), OF_PYTORCH) for shard in shards]
    files = [f"text_encoder/model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    assert weighed == [size_of("flux-2-klein-4b-text", file) for file in files]


def test_the_lora_weighs_what_its_file_does_in_float32_but_for_its_notes() -> None:
    """Trainers write some hundred bytes of their own into the header."""
    published = manifest("bfs-head-klein-4b")
    weighed = file_bytes(published, dict.fromkeys(published, "F32"), OF_PYTORCH)
    size = size_of("bfs-head-klein-4b", "bfs_head_v1.1_optional_flux-klein_4b.safetensors")
    assert size
    assert 0 <= size - weighed < 1000
