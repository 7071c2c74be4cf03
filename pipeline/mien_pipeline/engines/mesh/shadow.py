"""A shadow with an edge of its own: taken off a face before anything is learnt from it, and put on again.

What a lamp beside a face does to it follows its normals, and `lamps` finds it there. The shadow of a nose, a brow or a
cap does not: it is found in the picture. Hair before a face is dark too, but it has a texture; beards and the hollows
of eyes lie on both sides; and a dark thing before a face has lost the skin's hue.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Box
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear
from mien_pipeline.media.pyramid import shrink
from mien_pipeline.skin.light import average, blur
from mien_pipeline.skin.mask import disc, rise, smooth_step

WORK_WIDTH_PX = 128  # of a face while its shadow is looked for
AROUND = 0.1  # face widths around the mesh that are looked at; beyond, light is as at the edge
DARKEST = 0.003  # linear light, added before a logarithm: what is darker is noise
LEVELS = 64  # of the histogram that tells light from shade
RIM, BESIDE = 0.03, 0.02  # face widths inside the outline, and around features: what is darker there need be no shade
INNER_PX, LEAST_PX = 5, 8  # inside its edges a part is itself; of fewer pixels nothing is told
# From the first of each a shadow is looked for, at the second it is believed. Of 27 photographs in their own light two
# have one, both with a lamp beside the face; of seventeen that were lit again by hard or coloured lamps, ten have.
DEEP = (1.3, 2.0)  # doublings between light and shade
SHARP, SHARPEST = (50.0, 64.0), 0.7  # doublings a face width, which the steepest part of its edge has
ONE_SIDED = (0.2, 0.4)  # share of the skin's vertices that are lit otherwise than those on the other side
PLAIN, SKIN = (3.6, 2.9), (0.3, 0.6)  # its texture, in times that of the lit skin: a smooth thing has less
SOLID = (0.28, 0.4)  # share of what is dark that lies well inside a part's edges: strands are all edge
# Doublings by which red falls more than blue: with them goes the hue of skin, which is no shadow's doing.
HUELESS = (1.4, 1.0)
AREA = (0.001, 0.002)  # face widths squared from which a part counts as shadow
SAME_HUE = 0.6  # doublings by which a channel of another part may differ from the largest's
NEAR, FEATURES_NEAR, FEATURES_FAR = 0.15, 0.02, 0.1  # face widths: from how far light and shade, and features, are told
FAINT_PX = 9  # around a part, where its soft edge is
FULL = 0.95  # of the way from light to shade at which all is shade
DEEPEST = 6.0  # doublings


@dataclass(frozen=True, eq=False)
class _View:
    """A face at working size.

    Attributes:
        light: (h, w, 3) float32, the logarithm to base 2 of its linear light.
        points: (468, 2) float32, the mesh in its pixels.
        width: of the face, in its pixels.
    """

    light: Floats
    points: Floats
    width: float

    @classmethod
    def of(cls, pixels: Pixels, mesh: Mesh) -> "_View":
        width = face_width(mesh)
        scale = min(1.0, WORK_WIDTH_PX / width)
        size = max(2, round(pixels.shape[1] * scale)), max(2, round(pixels.shape[0] * scale))
        light = np.log2(to_linear(shrink(pixels, size)) + np.float32(DARKEST))
        return cls(light, ((mesh[:, :2] + 0.5) * scale - 0.5).astype(np.float32), width * scale)

    @cached_property
    def grey(self) -> Mask:
        """(h, w) float32, the mean of the channels."""
        return average(self.light)

    @cached_property
    def bare(self) -> NDArray[np.bool_]:
        """(h, w) well inside the outline and beside all features."""
        oval, features = (np.zeros(self.light.shape[:2], np.uint8) for _ in range(2))
        _fill(oval, self.points[list(face.OVAL)])
        for ring in face.FEATURES:
            _fill(features, np.asarray(cv2.convexHull(self.points[list(ring)]), np.float32))
        inside = cv2.erode(oval, disc(max(1, round(RIM * self.width))))
        return np.asarray((inside > 0) & (cv2.dilate(features, disc(max(1, round(BESIDE * self.width)))) == 0))


def draw_shadow(pixels: Pixels, mesh: Mesh) -> Floats | None:
    """(H, W, 3) float32, the factor in linear light by which a shadow darkens a face; None where none has an edge.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mesh: (468, 3) float32 in its pixels.
    """
    box = Box.around(mesh, AROUND, pixels.shape)
    if box.empty:
        return None
    doublings = _find_shadow(_View.of(pixels[box.part], box.to_local(mesh)))
    if doublings is None:
        return None
    factor = np.exp2(-np.asarray(cv2.resize(doublings, box.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32))
    beyond = box.top, pixels.shape[0] - box.bottom, box.left, pixels.shape[1] - box.right
    return np.asarray(cv2.copyMakeBorder(factor, *beyond, cv2.BORDER_REPLICATE), np.float32)


def _find_shadow(view: _View) -> Floats | None:
    """(h, w, 3) float32, by how many doublings a shadow darkens each channel."""
    if np.count_nonzero(view.bare) < LEAST_PX**2:
        return None
    soft = blur(view.grey, 0.8)
    level, depth = _split(soft[view.bare])
    dark = view.bare & (soft < level)
    share = rise(depth, DEEP) * rise(_measure_edge(soft, dark, view), SHARP)
    share *= rise(_measure_asymmetry(dark, view), ONE_SIDED)
    if share == 0:
        return None
    lit, shade = (_shrink_part(part) for part in (view.bare & ~dark, dark))
    if min(np.count_nonzero(lit), np.count_nonzero(shade)) < LEAST_PX:
        return None
    fine = np.abs(view.grey - blur(view.grey, 1.5))
    share *= rise(np.count_nonzero(shade) / np.count_nonzero(dark), SOLID)
    coarse = float(np.median(fine[shade]))
    texture = coarse / max(float(np.median(fine[lit])), 1e-4)
    share *= rise(texture, PLAIN) * rise(texture, SKIN)
    trust = np.exp(-((blur(fine, 1.0) / (3 * coarse + 1e-3)) ** 2))
    above = _spread(view.light, np.asarray((view.bare & ~dark) * trust, np.float32), NEAR * view.width)
    fall = np.asarray(above - view.light, np.float32)
    parts, lost = _weigh_parts(dark, shade, fall, view.width)
    share *= rise(lost, HUELESS)
    if share == 0:
        return None
    below = _spread(view.light, np.asarray(parts * shade * trust, np.float32), NEAR * view.width)
    drop = np.asarray(np.clip(above - below, 0, DEEPEST), np.float32)
    way = np.asarray(np.clip(average(fall) / np.maximum(average(drop), 0.3), 0, 1), np.float32)
    return np.asarray(share * _draw_edges(way, parts, view)[..., None] * drop, np.float32)


def _draw_edges(way: Mask, parts: Mask, view: _View) -> Mask:
    """(h, w) 0..1, how far each pixel lies in the shade, from how far it is on the `way` there (h, w).

    Features are dark in the light as well: they lie in the shade as the skin beside them does, and never deeper than
    they are dark.
    """
    near = blur(np.asarray(cv2.dilate(parts, np.ones((FAINT_PX, FAINT_PX), np.uint8)), np.float32), 1.0)
    skin = np.asarray(way * near, np.float32)
    known = view.bare.astype(np.float32)
    close, far = (
        (blur(np.asarray(skin * known, np.float32), reach), blur(known, reach))
        for reach in (FEATURES_NEAR * view.width, FEATURES_FAR * view.width)
    )
    beside = (close[0] + 1e-3 * far[0]) / (close[1] + 1e-3 * far[1] + 1e-9)
    shaded = np.where(view.bare, skin, np.minimum(way, beside))
    return np.asarray(np.clip(shaded / FULL, 0, 1), np.float32)


def _split(values: Floats) -> tuple[float, float]:
    """The level between the lighter and the darker of (N,) values, and how far their means are apart.

    Source: Otsu 1979, a threshold selection method from gray-level histograms.
    """
    counts, edges = np.histogram(values, LEVELS)
    sums = np.cumsum(counts * (edges[1:] + edges[:-1]) / 2)
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = len(values) - below
    apart = (sums[-1] - sums[:-1]) / np.maximum(above, 1) - sums[:-1] / np.maximum(below, 1)
    best = int((below * above * apart**2).argmax())
    return float(edges[best + 1]), float(apart[best])


def _measure_edge(light: Mask, dark: NDArray[np.bool_], view: _View) -> float:
    """How steep the edge of what is dark is over its steepest third, in doublings a face width."""
    slope = np.hypot(*(cv2.Sobel(light, cv2.CV_32F, *axis, ksize=3) for axis in ((1, 0), (0, 1)))) / 8
    edge = view.bare & (cv2.dilate(dark.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~dark
    return float(np.quantile(slope[edge], SHARPEST)) * view.width if edge.any() else 0.0


def _measure_asymmetry(dark: NDArray[np.bool_], view: _View) -> float:
    """The share of the vertices that are seen bare on both sides of which one is dark and one is not."""
    columns, rows = np.clip(np.round(view.points), 0, np.array(dark.shape[::-1]) - 1).astype(int).T
    shaded, mirror = dark[rows, columns], topology().mirror
    both = view.bare[rows, columns] & view.bare[rows, columns][mirror]
    return float((shaded != shaded[mirror])[both].mean()) if both.any() else 0.0


def _weigh_parts(dark: NDArray[np.bool_], inner: NDArray[np.bool_], fall: Floats, width: float) -> tuple[Mask, float]:
    """(h, w) 0..1, how sure each dark part is a shadow, and how much more red than blue falls in the largest.

    `inner` is what lies well inside the parts, `fall` (h, w, 3) how much darker than lit skin each pixel is.
    """
    count, found = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    labels = np.asarray(found, np.int32)
    area = np.bincount(labels[inner], minlength=count)
    falls = np.array(
        [np.median(fall[inner & (labels == part)], 0) if area[part] else [0.0] * 3 for part in range(count)]
    )
    largest = int(area.argmax())
    hue = falls - falls.mean(1, keepdims=True)
    other = np.sqrt(((hue - hue[largest]) ** 2).mean(1))
    sure = smooth_step(np.asarray((area / width**2 - AREA[0]) / (AREA[1] - AREA[0]), np.float32))
    weight = np.asarray(sure * np.exp(-((other / SAME_HUE) ** 4)), np.float32)
    return np.asarray(weight[labels] * dark, np.float32), float(falls[largest, 0] - falls[largest, 2])


def _spread(light: Floats, weight: Mask, reach: float) -> Floats:
    """(h, w, 3) the `light` of where there is `weight` (h, w), everywhere; far from it the mean of all."""
    weighted = np.asarray(light * weight[..., None], np.float32)
    mean = weighted.sum((0, 1)) / max(float(weight.sum()), 1e-6)
    return np.asarray((blur(weighted, reach) + 0.02 * mean) / (blur(weight, reach) + 0.02)[..., None], np.float32)


def _shrink_part(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) what lies well inside the edges of `part`."""
    return np.asarray(cv2.erode(part.astype(np.uint8), np.ones((INNER_PX, INNER_PX), np.uint8)) > 0)


def _fill(mask: Pixels, points: Floats) -> None:
    """Set `mask` (h, w) to 1 inside a polygon, in place."""
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
