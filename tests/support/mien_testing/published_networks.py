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


def control_net() -> nn.Module:
    return identity_net(FLUX | {"num_layers": 4, "num_single_layers": 10})


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
