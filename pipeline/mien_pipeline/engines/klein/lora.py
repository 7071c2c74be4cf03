"""A LoRA of the transformer: merged into its matrices, or kept beside those whose values are packed.

W + scale · alpha/rank · B·A, in float32. Source: LoRA, Hu et al. 2021 (arXiv:2106.09685), section 4.1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.float8 import put_module
from mien_pipeline.engines.diffusion.weights import agree, shapes_of
from mien_pipeline.engines.klein.names import folder_modules

PREFIXES = ("diffusion_model.", "transformer.")
# What trainers call A, B and alpha.
DOWN, UP, ALPHA = (".lora_A.weight", ".lora_down.weight"), (".lora_B.weight", ".lora_up.weight"), ".alpha"


@dataclass(frozen=True, slots=True)
class Named:
    """One tensor of a LoRA's file: its module, as the file names it, and whether it is "down", "up" or "alpha"."""

    module: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What one matrix is changed by.

    Attributes:
        down: A, (rank, in).
        up: B, (out, rank), times alpha/rank where the file has an alpha; float32.
    """

    down: Tensor
    up: Tensor


class BesideLora(nn.Module):
    """A layer whose matrix is packed, and the LoRA's two beside it."""

    def __init__(self, base: nn.Module, pair: Pair, scale: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(pair.down.to(dtype), requires_grad=False)
        self.up = nn.Parameter((scale * pair.up).to(dtype), requires_grad=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """(…, in) to (…, out)."""
        made: Tensor = self.base(hidden)
        return made + F.linear(F.linear(hidden, self.down), self.up)


@torch.no_grad()
def merge(network: nn.Module, path: Path, scale: float, half: torch.dtype = torch.bfloat16) -> None:
    """Change a network by a LoRA: merged into matrices of plain numbers, kept beside packed ones.

    Args:
        network: on the CPU, with the names of a diffusers folder.
        path: the LoRA, under these names or the makers'; of any rank, with an alpha or without.
        scale: how strongly it acts.
        half: in which it is kept where it is not merged.

    Raises:
        BrokenWeights: a tensor belongs to no matrix of this network, lacks its other half, or has another size;
            `extra`, `missing` and `misshapen` name them, `file` is the file. The network is as it was.
    """
    _check(path, network)
    for module, pair in read(path):
        layer: Any = network.get_submodule(module)
        if is_plain(layer):
            layer.weight.copy_((layer.weight.float() + scale * (pair.up @ pair.down.float())).to(layer.weight.dtype))
        else:
            put_module(network, module, BesideLora(layer, pair, scale, half))


def is_plain(layer: nn.Module) -> bool:
    """True for a linear layer whose values can be added to."""
    return type(layer) is nn.Linear and layer.weight.element_size() > 1


def read(path: Path) -> Iterator[tuple[str, Pair]]:
    """Each matrix's pair, by the folder's name of its module. A fused one gives three, which share their A."""
    with safe_open(path, "pt") as stored:
        named = {_parse(name): name for name in stored.keys()}  # noqa: SIM118
        for key in [key for key in named if key.kind == "down"]:
            down, up = (stored.get_tensor(named[Named(key.module, kind)]) for kind in ("down", "up"))
            alpha = named.get(Named(key.module, "alpha"))
            times = float(stored.get_tensor(alpha)) / down.shape[0] if alpha else 1.0
            parts = _modules(key.module)
            for part, rows in zip(parts, up.chunk(len(parts)), strict=True):
                yield part, Pair(down, times * rows.float())


def _parse(name: str) -> Named:
    stem = next((name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)), name)
    for kind, ends in (("down", DOWN), ("up", UP), ("alpha", (ALPHA,))):
        if end := next((end for end in ends if stem.endswith(end)), None):
            return Named(stem.removesuffix(end), kind)
    return Named(stem, "unknown")


def _modules(named: str) -> tuple[str, ...]:
    """The folder's modules for a module of either naming."""
    return folder_modules(named) or (named,)


def _check(path: Path, network: nn.Module) -> None:
    """Check that every tensor belongs to a matrix of the network, and fits it."""
    found = shapes_of(path)
    matrices = {name: _size(layer) for name, layer in network.named_modules() if _is_linear(layer)}
    wanted = dict(_wanted(found, matrices))
    agree(path.name, found, wanted)
    if not wanted:
        raise BrokenWeights(f"{path.name} holds no LoRA", file=path.name)


def _wanted(
    found: Mapping[str, tuple[int, ...]], matrices: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes that a file with these modules and ranks has, where the network has the modules."""
    names = {_parse(name): name for name in found}
    for module in dict.fromkeys(key.module for key in names if key.kind in ("down", "up")):
        parts = _modules(module)
        if any(part not in matrices for part in parts):
            continue
        down, up = (names.get(Named(module, kind)) for kind in ("down", "up"))
        rank = found[down][0] if down else found[up or ""][-1]
        yield down or _other_half(up or "", UP, DOWN), (rank, matrices[parts[0]][1])
        yield up or _other_half(down or "", DOWN, UP), (sum(matrices[part][0] for part in parts), rank)
        if alpha := names.get(Named(module, "alpha")):
            yield alpha, found[alpha] if found[alpha] in ((), (1,)) else ()


def _other_half(name: str, ends: Sequence[str], others: Sequence[str]) -> str:
    """What the same trainer would call the other of a pair."""
    return next(name.removesuffix(end) + other for end, other in zip(ends, others, strict=True) if name.endswith(end))


def _is_linear(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear) or (hasattr(layer, "weight_scale") and hasattr(layer, "weight"))


def _size(layer: Any) -> tuple[int, int]:
    """(out, in) of a matrix; GGUF's is packed, and its layer knows its own."""
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    return int(layer.weight.shape[0]), int(layer.weight.shape[1])
