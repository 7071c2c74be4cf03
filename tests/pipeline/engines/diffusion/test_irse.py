"""IR-SE50 halves, squeezes and normalises as its papers write."""

import torch
from torch.nn import functional as F

from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_testing.formulas import draw_parameters, values


def test_ir_se50_halves_four_times_and_gives_unit_vectors() -> None:
    widths = (4, *[4] * 3, *[6] * 4, *[8] * 14, *[10] * 3)
    network = draw_parameters(IrSe50(widths, (2,) * 24, 7 * 7 * 10))
    sizes: list[int] = []
    x = network.input_layer(values(2, 3, 112, 112))
    for unit in network.body:
        x = unit(x)
        sizes.append(x.shape[-1])
    assert sizes == [56] * 3 + [28] * 4 + [14] * 14 + [7] * 3
    embedding = network(values(2, 3, 112, 112))
    torch.testing.assert_close(embedding.norm(dim=-1), torch.ones(2))
    unit = network.body[3]
    squeezed = F.relu(F.conv2d(x.mean((2, 3), keepdim=True)[:, :6], unit.res_layer[5].fc1.weight))
    weight = torch.sigmoid(F.conv2d(squeezed, unit.res_layer[5].fc2.weight))
    torch.testing.assert_close(unit.res_layer[5](x[:, :6]), x[:, :6] * weight)
