"""IR-SE50: the face recogniser whose embeddings InfiniteYou was trained on.

Source: ArcFace, Deng et al. 2019 (arXiv:1801.07698), section 3.1; squeeze and excitation, Hu et al. 2018
(arXiv:1709.01507). Names are those of the published file.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.weights import depth


class SqueezeExcite(nn.Module):
    """Weighs every channel by its mean over the whole picture."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1, bias=False)
        self.fc2 = nn.Conv2d(squeezed, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))
        return x * weight


class Unit(nn.Module):
    """One improved residual unit. Where the width changes, the shortcut is a convolution; elsewhere it drops pixels."""

    def __init__(self, before: int, after: int, stride: int, squeezed: int) -> None:
        super().__init__()
        self.stride = stride
        self.shortcut_layer = (
            None
            if before == after
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, after, 3, 1, 1, bias=False),
            nn.PReLU(after),
            nn.Conv2d(after, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            SqueezeExcite(after, squeezed),
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x[:, :, :: self.stride, :: self.stride] if self.shortcut_layer is None else self.shortcut_layer(x)
        out: Tensor = self.res_layer(x) + shortcut
        return out


class IrSe50(nn.Module):
    """The whole recogniser.

    Args:
        widths: channels before the first unit and after each of the 24: 64, then 3 × 64, 4 × 128, 14 × 256, 3 × 512.
        squeezed: channels of each unit's squeeze, a sixteenth.
        flat: 7 × 7 × 512 values that the embedding is made of.
    """

    def __init__(self, widths: tuple[int, ...], squeezed: tuple[int, ...], flat: int, embedding_dim: int = 512) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.PReLU(widths[0])
        )
        # The picture halves at the first unit and wherever the width changes: 112 → 56 → 28 → 14 → 7.
        self.body = nn.Sequential(
            *(
                Unit(before, after, 2 if index == 0 or before != after else 1, squeezed[index])
                for index, (before, after) in enumerate(pairwise(widths))
            )
        )
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(widths[-1]),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(flat, embedding_dim),
            nn.BatchNorm1d(embedding_dim),
        )

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "IrSe50":
        """The network in the size that a file's shapes give."""
        units = range(depth(shapes, "body."))
        widths = tuple(shapes[f"body.{unit}.res_layer.1.weight"][0] for unit in units)
        squeezed = tuple(shapes[f"body.{unit}.res_layer.5.fc1.weight"][0] for unit in units)
        embedding_dim, flat = shapes["output_layer.3.weight"]
        return cls((shapes["input_layer.0.weight"][0], *widths), squeezed, flat, embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, 112, 112) **BGR** in −1..1, ArcFace-aligned, to (batch, 512) of unit length."""
        return F.normalize(self.output_layer(self.body(self.input_layer(x))), dim=-1)
