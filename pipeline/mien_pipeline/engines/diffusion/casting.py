"""A network in the number format of the memory plan; the same on torch's meta device, where it takes no memory."""

import torch
from diffusers.hooks.hooks import HookRegistry
from diffusers.hooks.layerwise_casting import apply_layerwise_casting
from torch import Tensor, nn

from mien_pipeline.device import compute_dtype
from mien_pipeline.engines.diffusion.float8 import ScaledLinear
from mien_pipeline.plan.component import KEPT_IN_FULL, NumberFormat

CASTING = "layerwise_casting"


def cast(module: nn.Module, form: NumberFormat, half: torch.dtype = torch.bfloat16) -> None:
    """Hold the network's floating-point values as `form` says: float32, bfloat16 or float8.

    float8 is how matrices are stored: diffusers' hooks make bfloat16 of one layer while it computes. The layers of
    `KEPT_IN_FULL`, norms and bare parameters stay in bfloat16. A network that is held so already is left alone.

    Args:
        half: in bfloat16's place on a device that is slow in it.
    """
    if is_held_in_float8(module):
        return
    # Not the libraries' own `to`: diffusers' warns of every cast.
    nn.Module.to(module, compute_dtype(form, half))
    if form == "float8":
        apply_layerwise_casting(module, torch.float8_e4m3fn, half, skip_modules_pattern=KEPT_IN_FULL)


def is_held_in_float8(module: nn.Module) -> bool:
    """True when a layer of it has the hook that makes bfloat16 of float8, or multiplies float8 with a scale."""
    if any(isinstance(each, ScaledLinear) for each in module.modules()):
        return True
    registries = (getattr(each, "_diffusers_hook", None) for each in module.modules())
    return any(isinstance(each, HookRegistry) and each.get_hook(CASTING) is not None for each in registries)


def held_bytes(module: nn.Module) -> int:
    """Bytes of every value that the network holds, each counted once."""
    values = {id(value): value for value in (*module.parameters(), *module.buffers())}
    return sum(part.numel() * part.element_size() for value in values.values() for part in stored_as(value))


def stored_as(value: Tensor) -> list[Tensor]:
    """The plain tensors that hold a value: itself, or torchao's integers and scales."""
    names = [*getattr(value, "tensor_data_names", ()), *getattr(value, "optional_tensor_data_names", ())]
    parts = [getattr(value, name, None) for name in names]
    return [part for part in parts if isinstance(part, Tensor)] or [value]
