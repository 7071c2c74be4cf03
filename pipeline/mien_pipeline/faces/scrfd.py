"""InsightFace's SCRFD: it finds faces with the five points that ArcFace and all that builds on it were trained with.

Read with ONNX Runtime from the layout that its authors export. The network sees a square, RGB, (value − 127.5) / 128,
the picture in its top left corner. It has nine outputs: scores, boxes, points, each for strides of 8, 16 and 32 px.
At every stride two anchors stand on the top left corner of each cell, rows first. A box is its distances to the left,
top, right and bottom of the anchor, a point its offset from it, both in strides. Scores are probabilities already.

Source: Guo et al. 2021, Sample and Computation Redistribution for Efficient Face Detection (arXiv:2105.04714).
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mien_core.errors import BrokenWeights
from mien_pipeline.faces.detection import Detection
from mien_pipeline.faces.search import shrink_to
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.onnx_network import OnnxNetwork, open_network

STRIDES = (8, 16, 32)
ANCHORS = 2
# Values of one anchor in each third of the outputs: score, box, five points.
WIDTHS = (1, 4, 10)
# As its authors run it (`SCRFD` in InsightFace's model zoo, `FaceAnalysis.prepare`).
SIDE_PX = 640
SCORE = 0.5
OVERLAP = 0.4
_MEAN, _RANGE = 127.5, 128.0


class Scrfd:
    """A `FaceFinder` of one file."""

    coarse_px = SIDE_PX
    turned_score = 0.7

    def __init__(self, weights: Path, network: OnnxNetwork | None = None) -> None:
        """
        Args:
            weights: the file.
            network: of that file, where the caller has loaded it.

        Raises:
            BrokenWeights: the file holds no SCRFD with points.
            EngineUnavailable: `MIEN_ONNX_PROVIDER` names a provider that is not here.
        """
        self.network = network or open_network(weights)
        inputs, outputs = self.network.get_inputs(), self.network.get_outputs()
        widths = [each.shape[-1] for each in outputs]
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or widths != [width for width in WIDTHS for _ in STRIDES]:
            raise BrokenWeights(f"{weights.name} is no face detector with five points", file=weights.name)
        self._input = inputs[0].name
        fixed = inputs[0].shape[2]
        self._square_px = fixed if isinstance(fixed, int) and fixed > 0 else SIDE_PX

    def find(self, pixels: Pixels, side_px: int = SIDE_PX) -> Sequence[Detection]:
        """See `FaceFinder`; a picture that is smaller than `side_px` is enlarged, as its authors do.

        The square is always one size: the file names the sizes of its outputs for it, and ONNX Runtime warns of others.
        """
        side = self._square_px
        longer = min(side_px, side)
        small = fit(pixels, longer)
        square = np.zeros((side, side, 3), np.uint8)
        square[: small.shape[0], : small.shape[1]] = small
        blob = ((square.astype(np.float32) - _MEAN) / _RANGE).transpose(2, 0, 1)[None]
        scores, boxes, kps = decode(self.network.run(None, {self._input: np.ascontiguousarray(blob)}), side)
        grow = np.float32(max(pixels.shape[:2]) / longer)
        boxes, kps = boxes * grow, kps * grow
        return [
            Detection((box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()), points, float(score))
            for score, box, points in ((scores[each], boxes[each], kps[each]) for each in suppress(boxes, scores))
        ]


def fit(pixels: Pixels, side: int) -> Pixels:
    """`pixels` (h, w, 3) with a longer side of `side`, smaller or larger than it was; the shorter side is cut down."""
    scale = side / max(pixels.shape[:2])
    size = max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale))
    if scale < 0.5:  # its authors' linear kernel would skip pixels
        return np.asarray(cv2.resize(shrink_to(pixels, side), size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def decode(outputs: Sequence[Floats], side: int, least: float = SCORE) -> tuple[Floats, Floats, Floats]:
    """Every find of at least `least` in the pixels of the square, several of each face: (N,), (N, 4), (N, 5, 2).

    They are the score, the box from its left over its top and right to its bottom, and the five points, float32.

    Args:
        outputs: nine, as the module says; (anchors, width) each, or with a batch of one before.
        side: of the square, a multiple of 32.
    """
    found: list[tuple[Floats, Floats, Floats]] = []
    for level, stride in enumerate(STRIDES):
        scores, boxes, points = (
            np.asarray(outputs[level + len(STRIDES) * kind], np.float32).reshape(-1, width)
            for kind, width in enumerate(WIDTHS)
        )
        cells = side // stride
        rows, columns = np.divmod(np.arange(cells * cells), cells)
        anchors = np.repeat(np.stack([columns, rows], 1) * stride, ANCHORS, 0).astype(np.float32)
        sure = scores[:, 0] >= least
        corner, reach, offsets = anchors[sure], boxes[sure] * stride, points[sure].reshape(-1, 5, 2) * stride
        edges = np.hstack([corner - reach[:, :2], corner + reach[:, 2:]])
        found.append((scores[sure, 0], edges, corner[:, None] + offsets))
    scores, boxes, kps = (np.concatenate(each) for each in zip(*found, strict=True))
    return scores, boxes, kps


def suppress(boxes: Floats, scores: Floats, overlap: float = OVERLAP) -> list[int]:
    """Which finds stay, surest first: of those that share more than `overlap` of their union, the surest.

    `boxes` (N, 4) float32 hold their last pixel, as SCRFD's authors count; `scores` is (N,).
    """
    sizes = boxes[:, 2:] - boxes[:, :2] + 1
    areas = sizes[:, 0] * sizes[:, 1]
    order, kept = np.argsort(-scores, kind="stable"), list[int]()
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(int(first))
        shared = np.minimum(boxes[first, 2:], boxes[rest, 2:]) - np.maximum(boxes[first, :2], boxes[rest, :2]) + 1
        both = np.maximum(shared, 0).prod(1)
        order = rest[both / (areas[first] + areas[rest] - both) <= overlap]
    return kept
