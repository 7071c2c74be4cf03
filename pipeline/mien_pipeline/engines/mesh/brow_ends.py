"""The ends of brows that hair meets: a hull of vertices would keep the hair as part of the brow, as a blob."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import disc

_DARK = 0.2  # how much darker than bare skin hair is
_HULL, _AROUND, _ZONE = 0.008, 0.025, 0.02  # of the texture's side, by which a brow's hull grows: see `_Brow`
_OUTER, _TAIL = 0.6, 0.45  # of a brow's length from its inner end: where hair meets it; where its tail begins
# Share of what is around the outer end that is hair, and share of the hull beside a tapering tail that is as dark as a
# brow, from which the two cannot be told apart. Of the brows of 34 faces those that ended as blobs had .68 and .4 at
# least; clean ones had up to .83 of the first, and .35 of the second.
_MET, _BLACK, _FULL, _CROWD = 0.5, 0.35, 0.42, 0.65
# By which a brow is darker than what is around its outer end, where that is skin in the shade of a cap or a lamp. Of
# faces whose hair meets a brow six have .10 at most; three in such shade have .22 to .34.
_SHADE = 0.16
_EDGE = 0.004  # of the texture's side


@dataclass(frozen=True, slots=True, eq=False)
class _Brow:
    """One brow on the texture, (h, w) each.

    Attributes:
        around: where hair that meets its outer end shows.
        beyond: what of its hull and close around it a tapering tail leaves free.
        crowded: what of the hull's outer end that is.
        core: the brow, without all that.
    """

    around: Choice
    beyond: Mask
    crowded: Choice
    core: Choice


def find_brow_ends(darker: Floats, sure: Mask) -> Mask:
    """(h, w) float32 in 0..1: what of the brows is hair that meets them; the brow keeps a tail that tapers.

    Args:
        darker: (h, w) float32, how much darker than bare skin each pixel is, 0..1.
        sure: (h, w) float32 in 0..1, how sure it shows skin.
    """
    hair = (darker > _DARK) | (sure < 0.5)
    met = [
        brow.beyond
        for brow in _brows()
        if hair[brow.around].mean() > _MET
        and (darker[brow.crowded] > _BLACK).mean() > _FULL
        and np.median(darker[brow.core]) - np.median(darker[brow.around]) < _SHADE
    ]
    ends = np.max(met, axis=0) if met else np.zeros(darker.shape, np.float32)
    return blur(np.asarray(ends, np.float32), _EDGE * WORK_SIDE)


@cache
def _brows() -> tuple[_Brow, ...]:
    return tuple(_draw_brows())


def _draw_brows() -> Iterator[_Brow]:
    points = topology().uv.astype(np.float32) * WORK_SIDE
    y, x = np.mgrid[:WORK_SIDE, :WORK_SIDE].astype(np.float32)
    for ring in (face.LEFT_BROW, face.RIGHT_BROW):
        upper, lower = list(ring[:5]), list(ring[:4:-1])  # both from the outer end to the inner
        start, end = points[[upper[-1], lower[-1]]].mean(0), points[[upper[0], lower[0]]].mean(0)
        length = float(np.linalg.norm(end - start))
        axis = (end - start) / length
        along, across = (((x - start[0]) * u + (y - start[1]) * v) for u, v in (axis, (-axis[1], axis[0])))
        along = along / length
        edges = [_follow_edge(along, points[edge], start, axis, length) for edge in (upper, lower)]
        half = np.abs(edges[0] - edges[1]) / 2 * np.clip((1 - along) / (1 - _TAIL), 0, 1)
        hull = fill_texture(ring)
        near, close = (cv2.dilate(hull, disc(round(grow * WORK_SIDE))) > 0 for grow in (_HULL, _HULL + _ZONE))
        outside = np.abs(across - (edges[0] + edges[1]) / 2) > half
        around = cv2.dilate(near.astype(np.uint8), disc(round(_AROUND * WORK_SIDE))) > 0
        beyond = close & outside & (along > _TAIL)
        yield _Brow(
            np.asarray(around & ~near & (along > _OUTER)),
            np.asarray(beyond, np.float32),
            np.asarray(near & outside & (along > _CROWD)),
            np.asarray((hull > 0) & ~beyond),
        )


def _follow_edge(along: Floats, edge: Floats, start: Floats, axis: Floats, length: float) -> Floats:
    """(h, w) how far a brow's edge (N, 2), from the outer end, is from the line through its middle, at `along`."""
    places = (edge - start) @ axis / length
    off = (edge - start) @ np.array([-axis[1], axis[0]])
    return np.asarray(np.interp(along, places[::-1], off[::-1]), np.float32)
