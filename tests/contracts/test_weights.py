"""Every network of the flux engine, built at its published size without memory, is its published file name for name.

And a file with just these tensors is taken, while one with a tensor missing, one more, or one of another shape is
refused with that tensor's name.
"""

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.clip import NOT_SEEN_WITH, clip_tower
from mien_pipeline.engines.diffusion.eva import EvaTower
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.parsing import TRAINING_HEADS, BiSeNet
from mien_pipeline.engines.diffusion.weights import agree, load, shapes_of, strip_prefix
from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter
from mien_pipeline.engines.flux.instantid import Resampler, identity_net
from mien_pipeline.engines.flux.pulid import IDFormer, PulidAttentions

FLUX: dict[str, Any] = {
    "in_channels": 64,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 768,
    "guidance_embeds": True,
    "axes_dims_rope": (16, 56, 56),
}


def transformer(**changed: Any) -> nn.Module:
    model: nn.Module = FluxTransformer2DModel(**(FLUX | changed))
    return model


def vae() -> nn.Module:
    config: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (128, 256, 512, 512),
        "layers_per_block": 2,
        "latent_channels": 16,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
    }
    model: nn.Module = AutoencoderKL(**config)
    return model


def tiny_vae() -> nn.Module:
    model: nn.Module = AutoencoderTiny(latent_channels=16)
    return model


def clip() -> nn.Module:
    return CLIPTextModel(
        CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    )


def t5() -> nn.Module:
    return T5EncoderModel(
        T5Config(
            vocab_size=32128, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
            feed_forward_proj="gated-gelu", is_encoder_decoder=False,
        )
    )  # fmt: skip


PUBLISHED: list[tuple[str, Callable[[], nn.Module]]] = [
    ("flux1-dev.transformer", transformer),
    ("flux1-schnell.transformer", lambda: transformer(guidance_embeds=False)),
    ("flux1-fill-dev.transformer", lambda: transformer(in_channels=384, out_channels=64)),
    ("flux1.vae", vae),
    ("taef1", tiny_vae),
    ("flux1.text-encoder", clip),
    ("flux1.text-encoder-2", t5),
    ("infiniteyou.infusenet", lambda: identity_net(FLUX | {"num_layers": 4, "num_single_layers": 10})),
]

# (manifest, what it puts before the names, what else its file holds, how the module is sized from the shapes)
OURS: list[tuple[str, str, tuple[str, ...], Callable[[Shapes], nn.Module]]] = [
    ("infiniteyou.image-proj", "image_proj.", (), Resampler.from_shapes),
    ("pulid-flux", "pulid_encoder.", ("pulid_ca.",), IDFormer.from_shapes),
    ("pulid-flux", "pulid_ca.", ("pulid_encoder.",), PulidAttentions.from_shapes),
    ("eva02-clip-l-336", "visual.", ("text.", "logit_scale"), EvaTower.from_shapes),
    ("arcface-ir-se50", "", (), IrSe50.from_shapes),
    ("bisenet", "", TRAINING_HEADS, BiSeNet.from_shapes),
    ("withanyone.arc", "", (), ArcAdapter.from_shapes),
    ("clip-vit-l14", "", NOT_SEEN_WITH, clip_tower),
    ("xlabs-ip-adapter-v1", "", (), XlabsAdapter.from_shapes),
    ("xlabs-ip-adapter-v2", "", (), XlabsAdapter.from_shapes),
]


def shapes(module: nn.Module, prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {f"{prefix}{name}": tuple(value.shape) for name, value in module.state_dict().items()}


@pytest.mark.parametrize(("name", "build"), PUBLISHED, ids=[name for name, _ in PUBLISHED])
def test_a_library_network_at_published_size_is_its_manifest(name: str, build: Callable[[], nn.Module]) -> None:
    with torch.device("meta"):
        found = shapes(build())
    agree(name, found, manifest(name))


@pytest.mark.parametrize(
    ("name", "prefix", "others", "build"), OURS, ids=[f"{name} {prefix}".strip() for name, prefix, _, _ in OURS]
)
def test_a_network_of_ours_at_published_size_is_its_manifest(
    name: str, prefix: str, others: tuple[str, ...], build: Callable[[Shapes], nn.Module]
) -> None:
    published = manifest(name)
    with torch.device("meta"):
        module = build(strip_prefix(published, prefix))
    agree(name, published, shapes(module, prefix), others)


def test_manifests_count_what_was_published() -> None:
    """Parameters of the published files, as their authors and file sizes give them."""
    counted = {name: sum(prod(shape) for shape in manifest(name).values()) for name, _ in PUBLISHED}
    assert counted["flux1-dev.transformer"] == 11_901_408_320
    assert counted["flux1-fill-dev.transformer"] == 11_902_391_360
    assert counted["infiniteyou.infusenet"] == 2_952_654_336
    assert sum(prod(shape) for shape in manifest("flux1-dev.single-file").values()) == 11_901_408_320
    assert sum(prod(shape) for shape in manifest("pulid-flux").values()) == 571_033_600
    assert len(manifest("pulid-flux")) == 312


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
    half = load(
        Resampler.from_shapes, tmp_path / "image_proj_model.safetensors", prefix="image_proj.", dtype=torch.bfloat16
    )
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
    module = load(Resampler.from_shapes, path, prefix="image_proj.", dtype=torch.bfloat16)
    assert module.proj_in.weight.dtype is torch.bfloat16
    assert module.proj_in.weight[0, 0] == 0.5


def test_the_single_file_holds_the_diffusers_folders_transformer() -> None:
    """Black Forest Labs' own names, which GGUF files keep, become diffusers' names and shapes, all of them."""
    with torch.device("meta"):
        theirs = {name: torch.empty(shape) for name, shape in manifest("flux1-dev.single-file").items()}
        convert: Any = convert_flux_transformer_checkpoint_to_diffusers
        converted: dict[str, Any] = convert(theirs)
    agree(
        "converted", {name: tuple(value.shape) for name, value in converted.items()}, manifest("flux1-dev.transformer")
    )


def test_a_whole_withanyone_file_is_taken_for_its_arcface_branch(tmp_path: Path) -> None:
    """Its SigLIP branch is somebody else's; anything else in the file is refused."""
    arc = shapes(ArcAdapter(8, 2, 1, 16, 12))
    others = ("ipa_sig.", "arcface_in_sig.", "siglip_in_sig.")
    sig = {name: (1,) * len(shape) for name, shape in manifest("withanyone.sig").items()}
    whole = write(tmp_path / "withanyone.safetensors", {**arc, **sig})
    assert shapes(load(ArcAdapter.from_shapes, whole, ignored=others)) == arc
    strange = write(tmp_path / "strange.safetensors", {**arc, **sig, "ipa_clip.0.to_q.weight": (2, 2)})
    with pytest.raises(BrokenWeights, match="ipa_clip"):
        load(ArcAdapter.from_shapes, strange, ignored=others)
