"""The stack with random values: loaded as ever, filled where the values are, and placed as ever."""

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien_models.store import ModelStore
from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.casting import stored_as
from mien_pipeline.engines.diffusion.placement import Placer
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.measure.files import Q4_BYTES
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Kps
from mien_pipeline.image import Image
from mien_pipeline.plan.placement import Plan

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


@dataclass(frozen=True, slots=True)
class RandomRecogniser:
    """In the place of ArcFace, whose file is a network of its own format: one embedding, as long as real ones are."""

    network: Any

    def embed(self, _image: Image, _kps: Kps) -> Tensor:
        """(1, 512) float32 on the CPU."""
        return torch.randn(1, 512, generator=torch.Generator().manual_seed(1))


class RandomStack(Stack):
    """The engine's stack on files whose values are holes."""

    def __init__(self, store: ModelStore, files: FluxFiles, device: Device, plan: Plan) -> None:
        super().__init__(store, files, device, plan)
        self.placer = RandomPlacer(device, plan)

    @cached_property
    def arcface(self) -> Any:
        return RandomRecogniser(SimpleNamespace(provider=None, failed=None))
