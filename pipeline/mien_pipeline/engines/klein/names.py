"""The makers' names of the transformer's tensors, and the diffusers folder's.

One file, fp8 files, GGUF files and most LoRAs have the makers' names. Three of the folder's matrices are one there
(query, key, value), and the last modulation has its halves in the other order.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_OUTSIDE: Mapping[str, tuple[str, ...]] = {
    "img_in": ("x_embedder",),
    "txt_in": ("context_embedder",),
    "time_in.in_layer": ("time_guidance_embed.timestep_embedder.linear_1",),
    "time_in.out_layer": ("time_guidance_embed.timestep_embedder.linear_2",),
    "double_stream_modulation_img.lin": ("double_stream_modulation_img.linear",),
    "double_stream_modulation_txt.lin": ("double_stream_modulation_txt.linear",),
    "single_stream_modulation.lin": ("single_stream_modulation.linear",),
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
    "final_layer.linear": ("proj_out",),
}
_DOUBLE: Mapping[str, tuple[str, ...]] = {
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "img_attn.proj": ("attn.to_out.0",),
    "img_attn.norm.query_norm": ("attn.norm_q",),
    "img_attn.norm.key_norm": ("attn.norm_k",),
    "img_mlp.0": ("ff.linear_in",),
    "img_mlp.2": ("ff.linear_out",),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "txt_attn.proj": ("attn.to_add_out",),
    "txt_attn.norm.query_norm": ("attn.norm_added_q",),
    "txt_attn.norm.key_norm": ("attn.norm_added_k",),
    "txt_mlp.0": ("ff_context.linear_in",),
    "txt_mlp.2": ("ff_context.linear_out",),
}
_SINGLE: Mapping[str, tuple[str, ...]] = {
    "linear1": ("attn.to_qkv_mlp_proj",),
    "linear2": ("attn.to_out",),
    "norm.query_norm": ("attn.norm_q",),
    "norm.key_norm": ("attn.norm_k",),
}
_BLOCKS = {"double_blocks": ("transformer_blocks", _DOUBLE), "single_blocks": ("single_transformer_blocks", _SINGLE)}
# Halves of this one are (shift, scale) in the makers' files and (scale, shift) in the folder.
_SWAPPED = "final_layer.adaLN_modulation.1"
# What the scale of a norm is called.
_KINDS = {"scale": "weight"}


def folder_modules(makers: str) -> tuple[str, ...]:
    """The folder's modules that a module of the makers became: one, three for a fused one, none for an unknown name."""
    kind, _, rest = makers.partition(".")
    if kind not in _BLOCKS:
        return _OUTSIDE.get(makers, ())
    index, _, inside = rest.partition(".")
    blocks, table = _BLOCKS[kind]
    return tuple(f"{blocks}.{index}.{module}" for module in table.get(inside, ()))


def to_folder(theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the makers' names under the folder's. A name that is none of theirs stays as it is.

    A fused matrix is split into three by its rows; each part is a view. A number that belongs to a fused matrix, as the
    scale of a float8 one, belongs to each of its three parts.
    """
    ours: dict[str, Tensor] = {}
    for name, value in theirs.items():
        module, _, kind = name.rpartition(".")
        parts = folder_modules(module)
        if not parts:
            ours[name] = value
            continue
        if module == _SWAPPED:
            value = torch.cat(value.chunk(2)[::-1])
        values = value.chunk(len(parts)) if value.ndim else (value,) * len(parts)
        ours |= {f"{part}.{_KINDS.get(kind, kind)}": rows for part, rows in zip(parts, values, strict=True)}
    return ours
