"""The reference face in the form that each recogniser was trained with. There are four contracts.

| used by | recogniser | input | embedding |
|---|---|---|---|
| PuLID, WithAnyone | glintr100 of antelopev2 | 112 px, BGR | as it comes, not normalised |
| InfiniteYou | IR-SE50 | 112 px, BGR in −1..1 | unit length |
| PuLID | EVA02-CLIP-L-336 | 336 px, RGB, grey face on white | normalised by PuLID itself |
| XLabs | CLIP ViT-L/14 | 224 px, RGB | as it comes |

Another network is published as glintr100.onnx too: the store tells ours by its sha256. A mix-up would give a plausible,
wrong face, and no error.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion import eva, parsing
from mien_pipeline.engines.diffusion.parsing import BiSeNet, ParsingClass
from mien_pipeline.face import Kps
from mien_pipeline.faces.align import align, similarity_transform, warp
from mien_pipeline.image import Affine, Floats, Image, Pixels
from mien_pipeline.onnx_network import open_network

# FFHQ's five points in a 512 px crop, as facexlib uses them and PuLID was trained with.
FFHQ_TEMPLATE: Floats = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ],
    np.float32,
)
PORTRAIT_PX = 512
# What PuLID paints white before EVA sees the face.
NOT_THE_FACE = (
    ParsingClass.BACKGROUND,
    ParsingClass.LEFT_EAR,
    ParsingClass.RIGHT_EAR,
    ParsingClass.EARRING,
    ParsingClass.NECK,
    ParsingClass.NECKLACE,
    ParsingClass.CLOTH,
    ParsingClass.HAT,
)
# ITU-R BT.601 luma.
LUMA = (0.299, 0.587, 0.114)

ParsingMap = NDArray[np.int64]


class ArcFaceRecogniser:
    """antelopev2's ArcFace network through InsightFace's model zoo, from a local file."""

    def __init__(self, weights: Path) -> None:
        """
        Raises:
            BrokenWeights: the file holds no face recogniser.
            EngineUnavailable: `MIEN_ONNX_PROVIDER` names a provider that is not here.
        """
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX

        self.network = open_network(weights)
        shapes = [list(each.shape) for each in self.network.get_inputs()]
        if [shape[2:] for shape in shapes] != [[112, 112]] or len(self.network.get_outputs()) != 1:
            raise BrokenWeights(f"{weights.name} is no face recogniser", file=weights.name)
        found: Any = ArcFaceONNX(str(weights), self.network)
        self._embed = cast("Callable[[NDArray[np.uint8]], NDArray[np.float32]]", found.get_feat)

    def embed(self, image: Image, kps: Kps) -> Tensor:
        """(1, 512) float32 on the CPU, not normalised.

        Args:
            kps: of the face, in the image's pixels.
        """
        crop = align(image.pixels, kps, 112).crop
        return torch.from_numpy(np.asarray(self._embed(np.ascontiguousarray(crop[..., ::-1])), np.float32)).view(1, -1)


def portrait(pixels: Pixels, kps: Kps) -> Pixels:
    """The face in FFHQ's pose, (512, 512, 3) uint8 RGB; facexlib's grey beyond the picture.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        kps: of the face, in those pixels.
    """
    affine = portrait_affine(kps)
    crop = warp(pixels, affine, (PORTRAIT_PX, PORTRAIT_PX))
    inside = warp(np.full(pixels.shape[:2], 255, np.uint8), affine, (PORTRAIT_PX, PORTRAIT_PX))
    return np.where(inside[..., None] > 127, crop, np.array([132, 133, 135], np.uint8)).astype(np.uint8)


def portrait_affine(kps: Kps) -> Affine:
    """(2, 3) float32, pixels of the picture → pixels of the portrait."""
    return similarity_transform(kps, FFHQ_TEMPLATE)


@torch.no_grad()
def parse_face(network: BiSeNet, crop: Pixels) -> ParsingMap:
    """(h, w) int64, the `ParsingClass` of every pixel of a (h, w, 3) uint8 RGB portrait."""
    weight = next(network.parameters())
    found = network(_normalise(_to_unit_range(crop), parsing.MEAN, parsing.STD).to(weight))
    return np.asarray(found[0].cpu().numpy(), np.int64)


def for_eva(crop: Pixels, regions: ParsingMap, side: int) -> Tensor:
    """What EVA sees: (1, 3, side, side) float32 RGB, normalised; the face in grey, everything else white.

    Args:
        crop: (512, 512, 3) uint8 RGB portrait.
        regions: (512, 512) int64, its `ParsingClass`es.
    """
    unit = _to_unit_range(crop)
    grey = (unit * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True).expand_as(unit)
    around = torch.from_numpy(np.isin(regions, [int(region) for region in NOT_THE_FACE]))
    face = torch.where(around, torch.ones(()), grey)
    small = F.interpolate(face, (side, side), mode="bicubic", antialias=True)
    return _normalise(small, eva.MEAN, eva.STD)


def for_irse(image: Image, kps: Kps) -> Tensor:
    """What IR-SE50 sees: (1, 3, 112, 112) float32 **BGR** in −1..1, ArcFace-aligned."""
    crop = align(image.pixels, kps, 112).crop
    return _to_unit_range(np.ascontiguousarray(crop[..., ::-1])) * 2.0 - 1.0


def for_clip(crop: Pixels, side: int) -> Tensor:
    """What CLIP sees: (1, 3, side, side) float32 RGB, normalised; `crop` is a (512, 512, 3) uint8 RGB portrait."""
    small = F.interpolate(_to_unit_range(crop), (side, side), mode="bicubic", antialias=True).clamp(0, 1)
    return _normalise(small, eva.MEAN, eva.STD)


def _to_unit_range(crop: Pixels) -> Tensor:
    """(h, w, 3) uint8 to (1, 3, h, w) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1)[None].float() / 255.0


def _normalise(picture: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    return (picture - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
