"""A value that is no number is named by its tensor, in whatever format it is stored."""

import pytest
import torch
from torch import nn

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.finite import check_values


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn])
def test_a_tensor_with_a_value_that_is_no_number_is_named(dtype: torch.dtype) -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    check_values(network)
    network[1].weight.data = torch.tensor([[1.0, torch.nan], [0.0, 0.0]]).to(dtype)
    with pytest.raises(BrokenWeights) as refused:
        check_values(network)
    assert refused.value.fields["not_finite"] == ["1.weight"]
