"""Matrices in float8 with one scale each: twice as many values in the same memory, made larger or smaller to suit it.

Source: FP8 Formats for Deep Learning, Micikevicius et al. 2022 (arXiv:2209.05433), section 3: E4M3, at most 448.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FLOAT8 = torch.float8_e4m3fn
LARGEST = torch.finfo(FLOAT8).max


class ScaledLinear(nn.Module):
    """A linear layer without a bias: its matrix in float8, times one number."""

    def __init__(self, weight: Tensor, weight_scale: Tensor) -> None:
        """As they are stored.

        Args:
            weight: (out, in) float8.
            weight_scale: () float32.
        """
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.weight_scale = nn.Parameter(weight_scale, requires_grad=False)

    @classmethod
    def pack(cls, weight: Tensor) -> "ScaledLinear":
        """The nearest to `weight`, (out, in) in any floating-point format, whose largest value is float8's."""
        scale = (weight.abs().max().float() / LARGEST).clamp(min=torch.finfo(torch.float32).tiny)
        return cls((weight.float() / scale).to(FLOAT8), scale)

    def forward(self, hidden: Tensor) -> Tensor:
        """(…, in) to (…, out), in the dtype of `hidden`: every float8 is exact in bfloat16."""
        return F.linear(hidden, self.weight.to(hidden.dtype)) * self.weight_scale.to(hidden.dtype)


def pack_linears(network: nn.Module, keeps: Callable[[str], bool]) -> None:
    """Hold every linear layer of a network in float8, but those whose tensors' names `keeps` is true for."""
    for name, layer in list(network.named_modules()):
        if (
            isinstance(layer, nn.Linear)
            and "bias" not in dict(layer.named_parameters())
            and not keeps(f"{name}.weight")
        ):
            put_module(network, name, ScaledLinear.pack(layer.weight.detach()))


def put_module(network: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer where another was."""
    owner, _, last = name.rpartition(".")
    setattr(network.get_submodule(owner), last, layer)
