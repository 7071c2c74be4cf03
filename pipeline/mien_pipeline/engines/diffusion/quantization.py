"""diffusers' configurations of the number formats that it makes or reads while it loads."""

from importlib import import_module
from typing import Any

import torch

from mien_pipeline.device import compute_dtype
from mien_pipeline.engines.diffusion.forms import LIBRARIES
from mien_pipeline.plan.component import NumberFormat


def quantization(form: NumberFormat, half: torch.dtype) -> Any:
    """diffusers' configuration for a form that it makes while it loads; None for plain floats."""
    if form == "nf4":
        from diffusers.quantizers.quantization_config import BitsAndBytesConfig

        return BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # diffusers' own
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute_dtype(form, half)
        )
    if form == "int8":
        from diffusers.quantizers.quantization_config import TorchAoConfig

        torchao: Any = import_module("torchao.quantization")
        return TorchAoConfig(torchao.Int8WeightOnlyConfig())
    if LIBRARIES.get(form) == "gguf":
        from diffusers.quantizers.quantization_config import GGUFQuantizationConfig

        return GGUFQuantizationConfig(compute_dtype=compute_dtype(form, half))
    return None
