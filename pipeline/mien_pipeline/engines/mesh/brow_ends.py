"""The ends of brows that hair meets: a hull of vertices would keep the hair as part of the brow, as a blob."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.brows import draw_brow
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import disc

_DARK = 0.2  # how much darker than bare skin hair is
_HULL, _AROUND, _ZONE = 0.008, 0.025, 0.02  # of the texture's side, by which a brow's hull grows: see `_Brow`
# Of a brow's length from its inner end: where hair meets it; where its tail begins; from where it is cleared of hair.
_OUTER, _TAIL, _HAIR_FROM = 0.6, 0.45, 0.25
# Share of what is around the outer end that is hair, and share of the hull beside a tapering tail that is as dark as a
# brow, from which the two cannot be told apart. Of the brows of 34 faces those that ended as blobs had .68 and .4 at
# least; clean ones had up to .83 of the first, and .35 of the second.
_MET, _BLACK, _NEARLY, _FULL, _CROWD = 0.5, 0.35, 0.75, 0.42, 0.65
# By which a brow is darker than what is around its outer end, where that is skin in the shade of a cap or a lamp. Of
# faces whose hair meets a brow six have .10 at most; three in such shade have .22 to .34.
_SHADE = 0.16
_BEGINS = 0.2  # of a brow's length, over which what is beside a broad one's tail begins
_EDGE = 0.004  # of the texture's side
# A brow that is seen through its hull: a network's brows lie off a thin one by up to its whole height.
_COLUMNS, _ROWS, _HIGH = 48, 27, 0.03  # the grid on which it is followed; the last of the texture's side, up and down
_FROM, _WIDE = 0.1, 0.55  # of its length from the inner end, where it is whole; of the grid's height: what is a ridge
_BEND = 0.04  # darkness that a step aside costs
_THIN, _HAZE = 1.5, 0.006  # a tail is so many times as wide as the ridge, and so much of the texture's side
_RIDGE = 0.06  # darkness of a ridge, in the mean, that is followed
_ALONE = 0.6  # of its darkness, that it has over what is beside it
_OFF_HULL = 1.8  # times half of the hull's height: what is farther from its middle is the shade of an eye, or hair
_NARROW = 0.6  # of the hull's height, up to which a brow is thin: the hull of a broad one is where it is


@dataclass(frozen=True, slots=True, eq=False)
class _Brow:
    """One brow on the texture, (h, w) each.

    Attributes:
        around: where hair that meets its outer end shows.
        crowded: what of its hull's outer end a tapering tail leaves free.
        core: the brow, without all that.
        close: the hull and close around it, but for its inner end.
        along: from 0 at the inner end to 1 at the outer one.
        off: how far from the middle of the hull, across it, in pixels.
        half: half of the hull's height, in pixels, tapering along the tail.
        grid: (_ROWS, _COLUMNS, 2) float32, pixels across and along the hull.
        whole: see `brows.draw_brow`.
    """

    around: Choice
    crowded: Choice
    core: Choice
    close: Choice
    along: Floats
    off: Floats
    half: Floats
    grid: Floats
    whole: Mask

    def measure_black(self, darker: Floats) -> float:
        """How dark it is nearly everywhere; in a hazy picture that is little."""
        return float(np.clip(_NEARLY * np.median(darker[self.core]), _BLACK / 2, _BLACK))

    def find_beyond(self, darker: Floats) -> Mask:
        """(h, w) float32, 1 on what of `close` lies beside the brow, as it is seen in `darker` (h, w), else 0."""
        step = 2 * _HIGH * WORK_SIDE / (_ROWS - 1)
        middle, thick = _follow_ridge(resample(darker, self.grid))
        if thick * step > _NARROW * float(self.half.max()):
            lies, high = self._measure_before_tail(darker, step)
            beside = self.close & (np.abs(self.off - lies) > high * _taper(self.along))
            return np.asarray(beside * np.clip((self.along - _TAIL) / _BEGINS, 0, 1), np.float32)
        aside = np.interp(self.along, np.linspace(0, 1, _COLUMNS), middle) * step
        half = (_THIN * thick * step + _HAZE * WORK_SIDE) * _taper(self.along)
        return np.asarray(self.close & (np.abs(self.off - aside) > half), np.float32)

    def _measure_before_tail(self, darker: Floats, step: float) -> tuple[float, float]:
        """How far off the hull's middle a broad brow lies where its tail begins, and half of its height, in pixels.

        A tail that began with the hull's height would cut off what of the brow is beside it.
        """
        columns = slice(int(_FROM * _COLUMNS), int(_TAIL * _COLUMNS) + 1)
        profile = np.median(resample(darker, self.grid)[:, columns], axis=1)
        rows = (np.arange(_ROWS) - _ROWS // 2) * step
        hull = float(self.half[self.along < _TAIL].max())
        dark = (profile > 0.5 * profile.max()) & (np.abs(rows) < _OFF_HULL * hull)
        if not dark.any():
            return 0.0, hull
        low, high = float(rows[dark].min()), float(rows[dark].max())
        return (low + high) / 2, (high - low + step) / 2 + _HAZE * WORK_SIDE


def find_brow_ends(darker: Floats, sure: Mask) -> tuple[Mask, Mask]:
    """What of the brows is hair that meets them, and the brows that it meets, whole, (h, w) float32 in 0..1 each.

    Without that hair a brow keeps a tail that tapers; the other side's, if hair does not meet it, is nearer the truth.

    Args:
        darker: (h, w) float32, how much darker than bare skin each pixel is, 0..1.
        sure: (h, w) float32 in 0..1, how sure it shows skin.
    """
    hair = (darker > _DARK) | (sure < 0.5)
    met = [
        brow
        for brow in _brows()
        if hair[brow.around].mean() > _MET
        and (darker[brow.crowded] > brow.measure_black(darker)).mean() > _FULL
        and np.median(darker[brow.core]) - np.median(darker[brow.around]) < _SHADE
    ]
    nothing = np.zeros(darker.shape, np.float32)
    ends = np.max([nothing, *(brow.find_beyond(darker) for brow in met)], axis=0)
    whole = np.max([nothing, *(brow.whole for brow in met)], axis=0)
    return blur(np.asarray(ends, np.float32), _EDGE * WORK_SIDE), np.asarray(whole, np.float32)


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
        middle = (edges[0] + edges[1]) / 2
        half = np.abs(edges[0] - edges[1]) / 2 * _taper(along)
        hull = fill_texture(ring)
        near, close = (cv2.dilate(hull, disc(round(grow * WORK_SIDE))) > 0 for grow in (_HULL, _HULL + _ZONE))
        outside = np.abs(across - middle) > half
        around = cv2.dilate(near.astype(np.uint8), disc(round(_AROUND * WORK_SIDE))) > 0
        yield _Brow(
            around=np.asarray(around & ~near & (along > _OUTER)),
            crowded=np.asarray(near & outside & (along > _CROWD)),
            core=np.asarray((hull > 0) & ~(close & outside & (along > _TAIL))),
            close=np.asarray(close & (along > _HAIR_FROM)),
            along=np.asarray(along, np.float32),
            off=np.asarray(across - middle, np.float32),
            half=np.asarray(half, np.float32),
            grid=_lay_grid(points[upper], points[lower], start, axis, length),
            whole=draw_brow(ring),
        )


def _taper(along: Floats) -> Floats:
    """1 up to the tail, falling to 0 at its end."""
    return np.asarray(np.clip((1 - along) / (1 - _TAIL), 0, 1), np.float32)


def _lay_grid(upper: Floats, lower: Floats, start: Floats, axis: Floats, length: float) -> Floats:
    """(_ROWS, _COLUMNS, 2) float32, the pixels of lines across a brow, from its inner end to its outer one."""
    along = np.linspace(0, 1, _COLUMNS, dtype=np.float32)[None]
    middle = np.mean([_follow_edge(along, edge, start, axis, length) for edge in (upper, lower)], axis=0)
    across = middle + np.linspace(-1, 1, _ROWS, dtype=np.float32)[:, None] * _HIGH * WORK_SIDE
    normal = np.array([-axis[1], axis[0]], np.float32)
    return np.asarray(start + (along * length)[..., None] * axis + across[..., None] * normal, np.float32)


def _follow_ridge(darkness: Floats) -> tuple[Floats, float]:
    """The dark ridge along a grid of (_ROWS, _COLUMNS): (_COLUMNS,) rows from the middle, and half its thickness.

    The path of most darkness from the inner end on, by dynamic programming; 0 and the whole height where there is none.
    """
    ridge = darkness - cv2.blur(darkness, (1, round(_WIDE * _ROWS) | 1), borderType=cv2.BORDER_REPLICATE)
    best, came = ridge[:, 0].copy(), np.zeros(ridge.shape, np.intp)
    rows = np.arange(_ROWS)
    for column in range(1, _COLUMNS):
        steps = np.stack([np.roll(best, 1) - _BEND, best, np.roll(best, -1) - _BEND])
        steps[0, 0] = steps[2, -1] = -np.inf
        choice = steps.argmax(0)
        came[:, column] = np.clip(rows + choice - 1, 0, _ROWS - 1)
        best = steps[choice, rows] + ridge[:, column]
    path = np.empty(_COLUMNS, np.intp)
    path[-1] = int(best.argmax())
    for column in range(_COLUMNS - 1, 0, -1):
        path[column - 1] = came[path[column], column]
    whole = slice(int(_FROM * _COLUMNS), int(_TAIL * _COLUMNS))
    columns = np.arange(_COLUMNS)
    on_path = ridge[path, columns]
    alone = on_path[whole].mean() / max(float(darkness[path, columns][whole].mean()), 1e-6)
    if alone < _ALONE or min(on_path[whole].mean(), on_path[whole.stop : -2].mean()) < _RIDGE:
        return np.zeros(_COLUMNS, np.float32), float(_ROWS)
    thick = (ridge[:, whole] > 0.5 * on_path[whole]).sum(0)
    middle = path.astype(np.float32) - _ROWS // 2
    return blur(middle[None], 1.5)[0], float(np.median(thick)) / 2


def _follow_edge(along: Floats, edge: Floats, start: Floats, axis: Floats, length: float) -> Floats:
    """(h, w) how far a brow's edge (N, 2), from the outer end, is from the line through its middle, at `along`."""
    places = (edge - start) @ axis / length
    off = (edge - start) @ np.array([-axis[1], axis[0]])
    return np.asarray(np.interp(along, places[::-1], off[::-1]), np.float32)
