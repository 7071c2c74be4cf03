"""Networks with random values: loaded as ever, filled where the values are, and placed as ever."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien_pipeline.engines.diffusion.casting import stored_as
from mien_pipeline.engines.diffusion.measure.holes import Q4_BYTES
from mien_pipeline.engines.diffusion.placement import Placer

# Numbers that are drawn once, and repeated: drawing twelve thousand million would take minutes.
_DRAWN = 1 << 20
# Spread of a vector's values around its centre.
_SPREAD = 0.02


@torch.no_grad()
def fill_random(network: nn.Module, seed: int = 0) -> None:
    """Fill every value of a network in place, so that signals keep their size: matrices by their width, norms about 1.

    float8, int8, GGUF's and NF4's values are filled as they are stored. Other formats stay as they were read.
    """
    drawn = torch.randn(_DRAWN, generator=torch.Generator().manual_seed(seed))
    for name, value in network.named_parameters():
        if value.is_meta:
            continue
        integers, *scales = stored_as(value)
        if scales:
            # Three spreads of the matrix's values reach the largest integer.
            _repeat(integers, (42 * drawn).clamp(-127, 127).to(integers.dtype))
            scales[0].fill_(integers.shape[-1] ** -0.5 / 42)
        elif value.dtype == torch.uint8:
            _fill_packed(value, drawn)
        elif value.is_floating_point():
            wide = value.ndim > 1
            spread = value[0].numel() ** -0.5 if wide else _SPREAD
            centre = 1.0 if not wide and name.endswith("weight") else 0.0
            _repeat(value.data, (centre + spread * drawn).to(value.dtype))
    for name, buffer in network.named_buffers():
        if name.endswith("running_var") and not buffer.is_meta:
            buffer.fill_(1.0)


def _fill_packed(value: Tensor, drawn: Tensor) -> None:
    """Random numbers of 4 bits, each block with a scale that suits a matrix of a few thousand columns."""
    scale = 0.005
    bits = (drawn * 1e4).to(torch.int64).remainder(256).to(torch.uint8)
    state: Any = getattr(value, "quant_state", None)
    if state is not None:  # bitsandbytes keeps scales beside the values
        state.absmax.fill_(8 * scale)
    else:
        blocks = bits[: bits.numel() // Q4_BYTES * Q4_BYTES].view(-1, Q4_BYTES)
        blocks[:, :2] = torch.from_numpy(np.frombuffer(np.float16(scale).tobytes(), np.uint8).copy())
        bits = blocks.flatten()
    _repeat(value.data, bits)


def _repeat(into: Tensor, drawn: Tensor) -> None:
    flat = torch.Tensor.view(into.as_subclass(torch.Tensor), -1)
    drawn = drawn.to(flat.device)
    for start in range(0, flat.numel(), drawn.numel()):
        part = flat[start : start + drawn.numel()]
        part.copy_(drawn[: part.numel()])


class RandomPlacer(Placer):
    """Fills every network before it is placed."""

    def place(self, name: str, module: Any) -> Any:
        fill_random(module)
        return super().place(name, module)
