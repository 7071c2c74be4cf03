"""A small transformer of FLUX.2's kind with random values, and its tensors under its makers' names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import gguf
import torch
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from safetensors.torch import save_file
from torch import Tensor

from mien_pipeline.engines.diffusion.float8 import ScaledLinear
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.klein.components import is_outside_blocks
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


def small_transformer() -> Any:
    """The same each time. Random throughout: a norm's weights are not ones, so that two norms can be told apart."""
    with torch.device("meta"):
        network: Any = Flux2Transformer2DModel(**SMALL)
    network.to_empty(device="cpu")
    drawn = torch.Generator().manual_seed(0)
    for value in network.parameters():
        value.data.normal_(0, value.shape[-1] ** -0.5 if value.ndim > 1 else 1.0, generator=drawn)
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


def is_matrix_of_a_block(name: str, value: Tensor) -> bool:
    """One that the makers' float8 file packs; of either naming."""
    return value.ndim == 2 and not is_outside_blocks(name)


def write_fp8(path: Path, theirs: Mapping[str, Tensor]) -> Path:
    """As the makers' own float8 file: the blocks' matrices with two scales each, the rest in bfloat16."""
    stored: dict[str, Tensor] = {}
    for name, value in theirs.items():
        if is_matrix_of_a_block(name, value):
            packed = ScaledLinear.pack(value)
            module = name.removesuffix(".weight")
            stored |= {name: packed.weight.data, f"{module}.weight_scale": packed.weight_scale.data}
            stored[f"{module}.input_scale"] = torch.tensor(0.5)
        else:
            stored[name] = value.to(torch.bfloat16)
    save_file(stored, path)
    return path


def write_gguf(path: Path, theirs: Mapping[str, Tensor], kind: Literal["F32", "Q8_0", "Q4_0"]) -> Path:
    """Matrices of the blocks in `kind`; the rest in float32."""
    writer: Any = gguf.GGUFWriter(path, "flux")
    packed: Any = gguf.GGMLQuantizationType[kind]
    for name, value in theirs.items():
        if kind != "F32" and is_matrix_of_a_block(name, value):
            writer.add_tensor(name, gguf.quants.quantize(value.numpy(), packed), raw_dtype=packed)
        else:
            writer.add_tensor(name, value.float().numpy())
    for end in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, end)()
    return path
