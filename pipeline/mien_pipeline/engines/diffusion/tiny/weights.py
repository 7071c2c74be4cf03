"""Random values for a network, and the tensors that a published file holds beside it."""

import torch
from torch import Tensor, nn

from mien_pipeline.engines.diffusion.manifest import manifest


def randomise(module: nn.Module) -> nn.Module:
    """Draw every parameter anew and return the module.

    Some parameters are zero at birth, which would hide what they do. Signals keep their size.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            spread = 0.02
            if parameter.ndim > 1:
                spread = parameter[0].numel() ** -0.5
            centre = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            parameter.copy_(centre + spread * torch.randn(parameter.shape))
    return module


def add_prefix(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """The module's tensors with `prefix` before their names."""
    return {f"{prefix}{name}": value for name, value in module.state_dict().items()}


def foreign_tensors(published: str, beginnings: tuple[str, ...]) -> dict[str, Tensor]:
    """Tensors that a published file holds beside the network, one number each."""
    return {
        name: torch.zeros([1] * len(shape))
        for name, shape in manifest(published).items()
        if name.startswith(beginnings)
    }
