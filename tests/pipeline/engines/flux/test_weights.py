"""Every network of the flux engine, built at its published size without memory, is its published file name for name."""

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers
from torch import nn

from mien_pipeline.engines.diffusion.clip import clip_tower
from mien_pipeline.engines.diffusion.eva import EvaTower
from mien_pipeline.engines.diffusion.foreign import foreign_to
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.parsing import BiSeNet
from mien_pipeline.engines.diffusion.weights import agree, strip_prefix
from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter
from mien_pipeline.engines.flux.instantid import Resampler
from mien_pipeline.engines.flux.pulid import IDFormer, PulidAttentions
from mien_testing.published_networks import clip, control_net, t5, tiny_vae, transformer, vae

PUBLISHED: list[tuple[str, Callable[[], nn.Module]]] = [
    ("flux1-dev.transformer", transformer),
    ("flux1-schnell.transformer", lambda: transformer(guidance_embeds=False)),
    ("flux1-fill-dev.transformer", lambda: transformer(in_channels=384, out_channels=64)),
    ("flux1.vae", vae),
    ("taef1", tiny_vae),
    ("flux1.text-encoder", clip),
    ("flux1.text-encoder-2", t5),
    ("infiniteyou.infusenet", control_net),
]


# (manifest, what it puts before the names, the network, how the module is sized from the shapes)
OURS: list[tuple[str, str, str, Callable[[Shapes], nn.Module]]] = [
    ("infiniteyou.image-proj", "image_proj.", "resampler", Resampler.from_shapes),
    ("pulid-flux", "pulid_encoder.", "id_former", IDFormer.from_shapes),
    ("pulid-flux", "pulid_ca.", "pulid_attentions", PulidAttentions.from_shapes),
    ("eva02-clip-l-336", "visual.", "eva", EvaTower.from_shapes),
    ("arcface-ir-se50", "", "ir_se50", IrSe50.from_shapes),
    ("bisenet", "", "parsing", BiSeNet.from_shapes),
    ("withanyone", "", "faceid", ArcAdapter.from_shapes),
    ("clip-vit-l14", "", "clip", clip_tower),
    ("xlabs-ip-adapter-v1", "", "faceid", XlabsAdapter.from_shapes),
    ("xlabs-ip-adapter-v2", "", "faceid", XlabsAdapter.from_shapes),
]


def shapes(module: nn.Module, prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {f"{prefix}{name}": tuple(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize(("name", "build"), PUBLISHED, ids=[name for name, _ in PUBLISHED])
def test_a_library_network_at_published_size_is_its_manifest(name: str, build: Callable[[], nn.Module]) -> None:
    with torch.device("meta"):
        found = shapes(build())
    agree(name, found, manifest(name))


@pytest.mark.parametrize(
    ("name", "prefix", "network", "build"), OURS, ids=[f"{name} {prefix}".strip() for name, prefix, _, _ in OURS]
)
def test_a_network_of_ours_at_published_size_is_its_manifest(
    name: str, prefix: str, network: str, build: Callable[[Shapes], nn.Module]
) -> None:
    published = manifest(name)
    with torch.device("meta"):
        module = build(strip_prefix(published, prefix))
    agree(name, published, shapes(module, prefix), foreign_to(network))


def test_manifests_count_what_was_published() -> None:
    """Parameters of the published files, as their authors and file sizes give them."""
    counted = {name: sum(prod(shape) for shape in manifest(name).values()) for name, _ in PUBLISHED}
    assert counted["flux1-dev.transformer"] == 11_901_408_320
    assert counted["flux1-fill-dev.transformer"] == 11_902_391_360
    assert counted["infiniteyou.infusenet"] == 2_952_654_336
    assert sum(prod(shape) for shape in manifest("flux1-dev.single-file").values()) == 11_901_408_320
    assert sum(prod(shape) for shape in manifest("pulid-flux").values()) == 571_033_600
    assert len(manifest("pulid-flux")) == 312


def test_the_single_file_holds_the_diffusers_folders_transformer() -> None:
    """Black Forest Labs' own names, which GGUF files keep, become diffusers' names and shapes, all of them."""
    with torch.device("meta"):
        theirs = {name: torch.empty(shape) for name, shape in manifest("flux1-dev.single-file").items()}
        convert: Any = convert_flux_transformer_checkpoint_to_diffusers
        converted: dict[str, Any] = convert(theirs)
    agree(
        "converted", {name: tuple(value.shape) for name, value in converted.items()}, manifest("flux1-dev.transformer")
    )
