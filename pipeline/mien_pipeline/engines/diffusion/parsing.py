"""Which pixel of a face crop is skin, hair, glasses, hat: BiSeNet, trained on CelebAMask-HQ's nineteen classes.

Source: BiSeNet, Yu et al. 2018 (arXiv:1808.00897), with its context path alone. Names are those of the published file.
"""

from enum import IntEnum

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien_pipeline.engines.diffusion.manifest import Shapes

# ImageNet's mean and standard deviation of RGB in 0..1.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class ParsingClass(IntEnum):
    """CelebAMask-HQ's classes (Lee et al. 2020, arXiv:1907.11922); left and right as the viewer sees them."""

    BACKGROUND = 0
    SKIN = 1
    LEFT_BROW = 2
    RIGHT_BROW = 3
    LEFT_EYE = 4
    RIGHT_EYE = 5
    GLASSES = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    EARRING = 9
    NOSE = 10
    MOUTH = 11
    UPPER_LIP = 12
    LOWER_LIP = 13
    NECK = 14
    NECKLACE = 15
    CLOTH = 16
    HAIR = 17
    HAT = 18


class ConvNorm(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, before: int, after: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, size, 1, size // 2, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class BasicBlock(nn.Module):
    """A residual block of ResNet-18, He et al. 2016 (arXiv:1512.03385)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = (
            None
            if before == after and stride == 1
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class Resnet18(nn.Module):
    """(batch, 3, H, W) to features at H/8, H/16 and H/32."""

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.layer1 = _stage(widths[0], widths[0], 1)
        self.layer2 = _stage(widths[0], widths[1], 2)
        self.layer3 = _stage(widths[1], widths[2], 2)
        self.layer4 = _stage(widths[2], widths[3], 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        eighth = self.layer2(self.layer1(x))
        sixteenth = self.layer3(eighth)
        return eighth, sixteenth, self.layer4(sixteenth)


def _stage(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(before, after, stride), BasicBlock(after, after, 1))


class Attention(nn.Module):
    """Attention refinement: weighs every channel by its mean over the picture."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = ConvNorm(before, after, 3)
        self.conv_atten = nn.Conv2d(after, after, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.conv(x)
        return features * torch.sigmoid(self.bn_atten(self.conv_atten(features.mean((2, 3), keepdim=True))))


class ContextPath(nn.Module):
    """ResNet's features, and what surrounds them, brought to one size."""

    def __init__(self, widths: tuple[int, int, int, int], context: int) -> None:
        super().__init__()
        self.resnet = Resnet18(widths)
        self.arm16 = Attention(widths[2], context)
        self.arm32 = Attention(widths[3], context)
        self.conv_head32 = ConvNorm(context, context, 3)
        self.conv_head16 = ConvNorm(context, context, 3)
        self.conv_avg = ConvNorm(widths[3], context, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Detail and context, both at an eighth of the size."""
        eighth, sixteenth, last = self.resnet(x)
        mean = self.conv_avg(last.mean((2, 3), keepdim=True))
        context = self.conv_head32(F.interpolate(self.arm32(last) + mean, sixteenth.shape[2:]))
        return eighth, self.conv_head16(F.interpolate(self.arm16(sixteenth) + context, eighth.shape[2:]))


class Fusion(nn.Module):
    """Joins detail and context, then weighs every channel by its mean."""

    def __init__(self, before: int, after: int, squeezed: int) -> None:
        super().__init__()
        self.convblk = ConvNorm(before, after, 1)
        self.conv1 = nn.Conv2d(after, squeezed, 1, bias=False)
        self.conv2 = nn.Conv2d(squeezed, after, 1, bias=False)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        features: Tensor = self.convblk(torch.cat([detail, context], dim=1))
        weight = torch.sigmoid(self.conv2(F.relu(self.conv1(features.mean((2, 3), keepdim=True)))))
        return features * weight + features


class Head(nn.Module):
    """One score for every class at every pixel."""

    def __init__(self, before: int, middle: int, classes: int) -> None:
        super().__init__()
        self.conv = ConvNorm(before, middle, 3)
        self.conv_out = nn.Conv2d(middle, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_out(self.conv(x))
        return out


class BiSeNet(nn.Module):
    """The whole parsing network.

    Args:
        widths: channels of ResNet's stages, (64, 128, 256, 512).
        context, fused, squeezed: channels of the context path, the fusion and its squeeze: 128, 256, 64.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        context: int,
        fused: int,
        squeezed: int,
        classes: int = len(ParsingClass),
    ) -> None:
        super().__init__()
        self.cp = ContextPath(widths, context)
        self.ffm = Fusion(widths[1] + context, fused, squeezed)
        self.conv_out = Head(fused, fused, classes)

    @classmethod
    def from_shapes(cls, shapes: Shapes) -> "BiSeNet":
        """The network in the size that a file's shapes give."""
        first, second, third, fourth = (shapes[f"cp.resnet.layer{stage}.0.conv1.weight"][0] for stage in (1, 2, 3, 4))
        return cls(
            (first, second, third, fourth),
            shapes["cp.conv_avg.conv.weight"][0],
            shapes["ffm.convblk.conv.weight"][0],
            shapes["ffm.conv1.weight"][0],
            shapes["conv_out.conv_out.weight"][0],
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 3, H, W) RGB, normalised with `MEAN` and `STD`, to (batch, H, W) int64 `ParsingClass`es."""
        scores = self.conv_out(self.ffm(*self.cp(x)))
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=True).argmax(1)
