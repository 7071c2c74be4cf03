"""Every network of the flux engine at its published size; on the meta device it takes no memory."""

from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from mien_pipeline.engines.diffusion.eva import EvaTower
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.parsing import BiSeNet
from mien_pipeline.engines.diffusion.weights import strip_prefix
from mien_pipeline.engines.flux.components import NETWORKS, published_shapes
from mien_pipeline.engines.flux.faceid import ArcAdapter
from mien_pipeline.engines.flux.instantid import Resampler, identity_net
from mien_pipeline.engines.flux.measure.files import CONFIGS
from mien_pipeline.engines.flux.pulid import IDFormer, PulidAttentions


def of(name: str) -> dict[str, Any]:
    """The published configuration of a network, without the name of its class."""
    return {key: value for key, value in CONFIGS[name].items() if key not in ("_class_name", "architectures")}


def transformer(**changed: Any) -> nn.Module:
    model: nn.Module = FluxTransformer2DModel(**(of("transformer") | changed))
    return model


def vae() -> nn.Module:
    model: nn.Module = AutoencoderKL(**of("vae"))
    return model


def tiny_vae() -> nn.Module:
    model: nn.Module = AutoencoderTiny(latent_channels=16)
    return model


def clip() -> nn.Module:
    return CLIPTextModel(CLIPTextConfig(**of("text_encoder")))


def t5() -> nn.Module:
    return T5EncoderModel(T5Config(**of("text_encoder_2")))


def control_net() -> nn.Module:
    return identity_net(of("control_net"))


OF_LIBRARIES: dict[str, Callable[[], nn.Module]] = {
    "transformer": transformer,
    "control_net": control_net,
    "text_encoder_2": t5,
    "text_encoder": clip,
    "vae": vae,
}
OURS: dict[str, Callable[[Shapes], nn.Module]] = {
    "pulid_attentions": PulidAttentions.from_shapes,
    "faceid": ArcAdapter.from_shapes,
    "id_former": IDFormer.from_shapes,
    "eva": EvaTower.from_shapes,
    "parsing": BiSeNet.from_shapes,
    "resampler": Resampler.from_shapes,
    "ir_se50": IrSe50.from_shapes,
}


def published_network(name: str) -> nn.Module:
    """A network of the memory plan at its published size, on the meta device."""
    with torch.device("meta"):
        if name in OF_LIBRARIES:
            return OF_LIBRARIES[name]()
        return OURS[name](strip_prefix(published_shapes()[name], NETWORKS[name][3]))
