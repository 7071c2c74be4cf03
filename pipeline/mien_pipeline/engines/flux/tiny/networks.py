"""Every network of the stack, small and random.

Block counts are the real ones (19 + 38, 4 + 10, 20, 57), widths are not.
"""

from typing import Any

from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from mien_pipeline.engines.diffusion.eva import EvaTower
from mien_pipeline.engines.diffusion.foreign import foreign_to
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.parsing import BiSeNet
from mien_pipeline.engines.diffusion.perceiver import PerceiverCrossAttention
from mien_pipeline.engines.diffusion.tiny.weights import add_prefix, foreign_tensors, randomise
from mien_pipeline.engines.diffusion.tiny.write import Write, json_file, safetensors_file, sharded_folder
from mien_pipeline.engines.flux.faceid import ArcAdapter
from mien_pipeline.engines.flux.pulid import IDFormer, PulidAttentions

WIDTH, TEXT_WIDTH, POOLED = 32, 24, 16
EVA_WIDTH, EVA_OUT, ID_WIDTH = 64, 16, 32
FLUX: dict[str, Any] = {
    "in_channels": 64,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": TEXT_WIDTH,
    "pooled_projection_dim": POOLED,
    "guidance_embeds": True,
    "axes_dims_rope": [4, 6, 6],
}
VAE: dict[str, Any] = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    # FLUX.1's widen where these do, and have as many layers.
    "block_out_channels": [4, 8, 16, 16],
    "layers_per_block": 2,
    "norm_num_groups": 4,
    "latent_channels": 16,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    # FLUX.1's own.
    "sample_size": 1024,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
}


def transformer_files(name: str, **changed: Any) -> dict[str, Write]:
    """A base's transformer in three shards, with some of `FLUX` changed."""
    config = FLUX | changed
    network = randomise(FluxTransformer2DModel(**config))
    return sharded_folder(
        f"{name}/transformer", {"_class_name": "FluxTransformer2DModel", **config}, network.state_dict(), 3
    )


def taef1_files() -> dict[str, Write]:
    """The quick decoder's configuration and weights."""
    config: dict[str, Any] = {
        "latent_channels": 16,
        "encoder_block_out_channels": [8, 8, 8, 8],
        "decoder_block_out_channels": [8, 8, 8, 8],
        "num_encoder_blocks": [1, 3, 3, 3],
        "num_decoder_blocks": [3, 3, 3, 1],
        "scaling_factor": 1.0,
        "shift_factor": 0.0,
    }
    network: Any = AutoencoderTiny(**config)
    return {
        "config.json": json_file({"_class_name": "AutoencoderTiny", **config}),
        "diffusion_pytorch_model.safetensors": safetensors_file(randomise(network).state_dict()),
    }


def clip_state() -> dict[str, Tensor]:
    """The image tower, and the names of all else in its file."""
    config = CLIPVisionConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=24, num_attention_heads=1, image_size=28, patch_size=14,
        projection_dim=16,
    )  # fmt: skip
    tower = randomise(CLIPVisionModelWithProjection(config)).state_dict()
    return {**tower, **foreign_tensors("clip-vit-l14", foreign_to("clip"))}


def pulid_state() -> dict[str, Tensor]:
    """PuLID's IDFormer and its 20 cross-attentions in one file."""
    former = IDFormer(64, 10, 1, 96, 5, 8, ID_WIDTH, 512 + EVA_OUT, EVA_WIDTH, 64)
    attentions = PulidAttentions(PerceiverCrossAttention(WIDTH, ID_WIDTH, 1, 128) for _ in range(20))
    return {**add_prefix("pulid_encoder.", randomise(former)), **add_prefix("pulid_ca.", randomise(attentions))}


def eva_state() -> dict[str, Tensor]:
    """EVA's image tower, and the names of the text tower that its published file holds."""
    tower = EvaTower(dim=EVA_WIDTH, hidden=96, layers=24, grid=4, patch=14, output_dim=EVA_OUT)
    return {**add_prefix("visual.", randomise(tower)), **foreign_tensors("eva02-clip-l-336", foreign_to("eva"))}


def withanyone_state() -> dict[str, Tensor]:
    """WithAnyone's ArcFace branch, and the names of all else in its file."""
    adapter = ArcAdapter(WIDTH, 57, 1, 64, 512)
    return {**add_prefix("", randomise(adapter)), **foreign_tensors("withanyone", foreign_to("faceid"))}


def ir_se50() -> IrSe50:
    """IR-SE50 with its 24 units, each a few channels wide."""
    widths = (4, *[4] * 3, *[6] * 4, *[8] * 14, *[10] * 3)
    return IrSe50(widths, (2,) * 24, 7 * 7 * 10)


def bisenet_state() -> dict[str, Tensor]:
    """The parsing network, and the names of the heads that only training reads."""
    network = BiSeNet((8, 8, 12, 16), 8, 8, 4)
    return {**add_prefix("", randomise(network)), **foreign_tensors("bisenet", foreign_to("parsing"))}
