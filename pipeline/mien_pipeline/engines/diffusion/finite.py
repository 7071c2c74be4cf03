"""Whether every value that a network holds is a number."""

import torch
from torch import Tensor, nn

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.casting import stored_as

# How many tensors a message names before it counts the rest.
QUOTED = 5


def check_values(network: nn.Module) -> None:
    """Check that every value of a network is a number.

    Raises:
        BrokenWeights: `not_finite` names every tensor that holds one that is not.
    """
    values = [*network.named_parameters(), *network.named_buffers()]
    found = sorted(name for name, value in values if not all(map(_is_finite, stored_as(value))))
    if found:
        rest = f" and {len(found) - QUOTED} more" if len(found) > QUOTED else ""
        raise BrokenWeights(f"values that are no numbers stand in {', '.join(found[:QUOTED])}{rest}", not_finite=found)


def _is_finite(value: Tensor) -> bool:
    if value.is_meta or not value.is_floating_point():
        return True
    exact = value.element_size() > 1
    return bool(torch.isfinite(value if exact else value.to(torch.bfloat16)).all())
