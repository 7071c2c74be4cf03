"""Every network of the klein engine at its published size; on the meta device it takes no memory."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from torch import nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from mien_pipeline.engines.klein import published


def published_network(name: str) -> nn.Module:
    """A network of the published folder, by the folder's own name for it, on the meta device."""
    with torch.device("meta"):
        if name == "text_encoder":
            return Qwen3ForCausalLM(Qwen3Config(**_without_class(published.TEXT_ENCODER)))
        if name == "vae":
            vae: nn.Module = AutoencoderKLFlux2(**_without_class(published.VAE))
            return vae
        transformer: nn.Module = Flux2Transformer2DModel(**_without_class(published.TRANSFORMER))
        return transformer


def _without_class(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("_class_name", "architectures", "model_type")}
