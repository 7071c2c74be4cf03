"""Networks in the interface of the published mask files, that know a green cloth when they see one.

Names and axes are those of VisoMaster's files: BiSeNet takes (1, 3, 512, 512) as "input" and scores nineteen classes
as "output", XSeg takes (1, 3, 256, 256) as "in_face:0" and answers "out_mask:0". DeepFaceLab's own exports of XSeg, as
FaceFusion has them, have the channels last.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import helper

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.face import Portrait
from mien_pipeline.image import Image
from mien_testing.swapper import Folder, Nodes, Values, write_network

HAIR, SKIN, CLASSES = 17, 1, 19
GREEN = (0, 255, 0)


def write_masks(folder: Path) -> Folder:
    """Both published files."""
    write_bisenet(folder / load_catalogue({}).masks["bisenet"].network.file)
    write_xseg(folder / load_catalogue({}).masks["xseg"].network.file)
    return Folder(folder)


def write_bisenet(path: Path) -> None:
    """Scores noise of a seed for all regions but two: what is greener than red is hair, all else is skin."""
    kernel = np.random.default_rng(0).normal(0, 0.01, (CLASSES, 3, 1, 1)).astype(np.float32)
    kernel[HAIR, :, 0, 0] = (-20, 20, 0)
    bias = np.full(CLASSES, -10, np.float32)
    bias[[HAIR, SKIN]] = (-20, 0)
    nodes = [helper.make_node("Conv", ["input", "kernel", "bias"], ["output"])]
    weights: Values = {"kernel": kernel, "bias": bias}
    write_network(path, {"input": (1, 3, 512, 512)}, {"output": (1, CLASSES, 512, 512)}, nodes, weights)


def write_xseg(path: Path, *, channels_last: bool = False, first: str = "red") -> None:
    """1 where a pixel is no greener than red; `first` is the channel that comes first."""
    weighed = np.array([5, -5, 0] if first == "red" else [0, -5, 5], np.float32)
    shape: Sequence[int] = (1, 256, 256, 3) if channels_last else (1, 3, 256, 256)
    made: Sequence[int] = (1, 256, 256, 1) if channels_last else (1, 1, 256, 256)
    nodes: Nodes = [
        helper.make_node("MatMul", ["in_face:0", "weighed"], ["seen"])
        if channels_last
        else helper.make_node("Conv", ["in_face:0", "weighed"], ["seen"]),
        helper.make_node("Add", ["seen", "one"], ["out_mask:0"]),
    ]
    values = weighed.reshape(3, 1) if channels_last else weighed.reshape(1, 3, 1, 1)
    weights: Values = {"weighed": values, "one": np.ones(1, np.float32)}
    write_network(path, {"in_face:0": shape}, {"out_mask:0": made}, nodes, weights)


def lay_cloth(portrait: Portrait) -> tuple[Portrait, tuple[slice, slice]]:
    """The portrait with a green cloth before the mouth's left corner, and the place that it hides.

    Of the place two pixels at every edge are left out: a network sees a picture of its own size.
    """
    image, face = portrait
    width = float(face.bbox[2] - face.bbox[0])
    x, y = (round(float(each)) for each in face.kps[3])
    place = slice(y - round(width / 8), y + round(width / 4)), slice(x - round(width / 8), x + round(width / 6))
    pixels = image.pixels.copy()
    pixels[place] = GREEN
    rows, columns = (slice(each.start + 2, each.stop - 2) for each in place)
    return Portrait(Image(pixels), face), (rows, columns)
