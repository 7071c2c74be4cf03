"""A small transformer of FLUX.2's kind with random values, and its tensors under its makers' names."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from torch import Tensor

from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.klein.names import folder_modules

# Rows are whole blocks of 32, as GGUF's formats want them; widths that nothing else has, so that a mix-up is an error.
SMALL: Mapping[str, Any] = {
    "attention_head_dim": 32,
    "axes_dims_rope": (8, 8, 8, 8),
    "guidance_embeds": False,
    "in_channels": 128,
    "joint_attention_dim": 96,
    "mlp_ratio": 3.0,
    "num_attention_heads": 2,
    "num_layers": 2,
    "num_single_layers": 3,
    "timestep_guidance_channels": 32,
}


def small_transformer(seed: int = 0) -> Any:
    """Random throughout: a norm's weights are not ones, so that two norms can be told apart."""
    torch.manual_seed(seed)
    network: Any = Flux2Transformer2DModel(**SMALL)
    for value in network.parameters():
        value.data = torch.randn(value.shape) * (value.shape[-1] ** -0.5 if value.ndim > 1 else 1.0)
    return network.eval().requires_grad_(False)


def inputs(tokens: int = 6, text: int = 4) -> dict[str, Any]:
    """What one pass of it takes."""
    drawn = torch.Generator().manual_seed(1)
    return {
        "hidden_states": torch.randn(1, tokens, SMALL["in_channels"], generator=drawn),
        "encoder_hidden_states": torch.randn(1, text, SMALL["joint_attention_dim"], generator=drawn),
        "timestep": torch.full((1,), 0.5),
        "guidance": None,
        "img_ids": torch.arange(tokens * 4).view(tokens, 4) % 5,
        "txt_ids": torch.zeros(text, 4),
        "return_dict": False,
    }


def to_makers(ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The folder's tensors under the makers' names, as one file has them."""
    theirs: dict[str, Tensor] = {}
    for name in manifest("flux2-klein-4b.single-file"):
        parts = [f"{part}.weight" for part in folder_modules(name.rpartition(".")[0])]
        if parts[0] in ours:
            theirs[name] = torch.cat([ours[part] for part in parts])
    shift_last = theirs["final_layer.adaLN_modulation.1.weight"]
    theirs["final_layer.adaLN_modulation.1.weight"] = torch.cat(shift_last.chunk(2)[::-1])
    return theirs
