"""FLUX.1's own networks in the form the memory plan asks for: transformer and VAE."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.utils import logging

from mien_core.errors import BrokenWeights
from mien_pipeline.device import compute_dtype
from mien_pipeline.engines.diffusion.forms import check_libraries
from mien_pipeline.engines.diffusion.quantization import quantization
from mien_pipeline.engines.diffusion.weights import config_of, load, shards_in
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import VAE_TILE

# Pixels a side of one latent of the VAE.
VAE_SCALE = 8

# FLUX.1 [dev]'s transformer/config.json.
DEV_CONFIG: Mapping[str, Any] = {
    "_class_name": "FluxTransformer2DModel",
    "attention_head_dim": 128,
    "axes_dims_rope": [16, 56, 56],
    "guidance_embeds": True,
    "in_channels": 64,
    "joint_attention_dim": 4096,
    "num_attention_heads": 24,
    "num_layers": 19,
    "num_single_layers": 38,
    "patch_size": 1,
    "pooled_projection_dim": 768,
}


def load_transformer(weights: Path, form: NumberFormat, half: torch.dtype = torch.bfloat16) -> FluxTransformer2DModel:
    """FLUX.1's transformer in main memory, from a diffusers folder or from one file, safetensors or GGUF.

    Args:
        half: what it computes in where `form` has 16 bits or less.

    Raises:
        BrokenWeights: the files do not hold this network; `file` names one.
        EngineUnavailable: the form needs a library that is not installed.
    """
    check_libraries(form, "flux")
    if weights.is_file():
        return load_single_file(weights, form, half=half)
    config, dtype, quantised_as = config_of(weights), compute_dtype(form, half), quantization(form, half)
    if quantised_as is not None:
        # diffusers would draw its progress bars over what the command line prints.
        logging.disable_progress_bar()
        quantised: Any = FluxTransformer2DModel.from_pretrained(
            str(weights), quantization_config=quantised_as, torch_dtype=dtype, local_files_only=True
        )
        return cast(FluxTransformer2DModel, quantised.requires_grad_(False))
    built: FluxTransformer2DModel = load(
        lambda _: FluxTransformer2DModel.from_config(config),  # pyright: ignore[reportArgumentType]
        shards_in(weights),
        form=form,
        half=half,
    )
    return built


def load_single_file(
    path: Path, form: NumberFormat, config: Mapping[str, Any] | None = None, half: torch.dtype = torch.bfloat16
) -> FluxTransformer2DModel:
    """The transformer from one file, which holds no configuration: None is FLUX.1 [dev]'s.

    Raises:
        BrokenWeights: the file does not hold this transformer.
    """
    try:
        # diffusers wants the configuration in a folder, or else asks for one over the network.
        with TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(dict(config or DEV_CONFIG)), encoding="utf-8")
            loaded: Any = FluxTransformer2DModel.from_single_file(
                str(path),
                config=folder,
                torch_dtype=compute_dtype(form, half),
                quantization_config=quantization(form, half),
                local_files_only=True,
            )
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        raise BrokenWeights(f"{path.name} does not hold FLUX.1's transformer: {error}", file=path.name) from error
    return cast(FluxTransformer2DModel, loaded.requires_grad_(False).eval())


def load_vae(folder: Path, form: NumberFormat) -> AutoencoderKL | AutoencoderTiny:
    """FLUX.1's VAE, or TAEF1 in its place, as the folder's configuration says."""
    config = config_of(folder)
    kind: Any = AutoencoderTiny if config.get("_class_name") == "AutoencoderTiny" else AutoencoderKL
    built: AutoencoderKL | AutoencoderTiny = load(lambda _: kind.from_config(config), shards_in(folder), form=form)
    return built


def work_in_tiles(vae: AutoencoderKL | AutoencoderTiny) -> None:
    """Have FLUX.1's VAE encode and decode squares of the memory plan's size.

    Left alone it would cut nothing: diffusers takes the size from `sample_size`, which FLUX.1's configuration gives as
    1024, the whole picture. TAEF1 works on the whole: a quarter of the channels make its maps as large as a tile's, and
    diffusers' tiles for it have four latent channels, not sixteen.
    """
    if isinstance(vae, AutoencoderTiny):
        return
    vae.enable_tiling()  # type: ignore[no-untyped-call]  # diffusers' own
    vae.tile_sample_min_size = VAE_TILE
    vae.tile_latent_min_size = VAE_TILE // VAE_SCALE
