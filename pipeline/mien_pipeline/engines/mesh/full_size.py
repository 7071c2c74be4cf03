"""Very large faces: rendered on a smaller copy of the target, and brought up to full size with its own finest detail.

No reference holds as much detail as a face of 4,000 px could show, and what a camera adds at that scale, grain and
pores, is the target's own. What the small copy cannot hold is therefore taken from the target: where nothing changes,
the result is the target, and where all does, it is the new face with the target's grain. Strong fine detail, lashes
and hairs, is another person's and goes.
"""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.placed import Placed
from mien_pipeline.engines.mesh.render import STILL_PX, Rendered
from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.grid import Box
from mien_pipeline.image import Affine, Floats, Mask, Pixels
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import smooth_step

# A face is rendered about this many times as wide as the reference's was: a texture has no more detail.
FINER = 1.4
# Between these widths at least and at most: less, and the edges of lids and lips were coarse.
LEAST_WIDTH_PX, MOST_WIDTH_PX = 352, 1200
MOST_STEP = 5  # beyond it, what is left to the target would be its wrinkles

_INNER = 0.03  # face widths inside the new face's edge, over which the target's detail stops moving with the target
_PLAINEST = 0.25  # the quantile of a face's fine detail that is taken for its grain
_PLAIN = 1.2  # times that, up to which fine detail counts as grain; hairs, pores in a highlight and strands have more
_DETAIL_SPREAD_PX = 1.0  # deviation of a blur of the measured detail, in pixels of the small copy
_TILE_PX = 256  # of the result: as much as stays in a processor's cache
_THREADS = 2  # OpenCV and NumPy give Python's lock away while they draw
_MOST_EARLY = 64  # tiles whose detail is kept while the new face is drawn: 25 MB
_REACH_PX = 2  # small pixels beside a tile that a cubic kernel reads


def find_step(width_px: float, texture_width_px: float) -> int:
    """How many pixels of the target become one of the copy on which its face is rendered; 1 for all but large faces.

    Args:
        width_px: of the target's face.
        texture_width_px: of the face in the reference's texture.
    """
    enough = float(np.clip(FINER * texture_width_px, LEAST_WIDTH_PX, MOST_WIDTH_PX))
    return int(np.clip(width_px / enough + 0.5, 1, MOST_STEP))


def shrink_face(pixels: Pixels, mesh: Mesh, step: int) -> tuple[Pixels, Mesh]:
    """The picture (h, w, 3) with `step` pixels to one, and the mesh (468, 3) in its pixels.

    The last row and column may stand for less than `step` pixels: the border repeats.
    """
    if step == 1:
        return pixels, mesh
    small = np.asarray((mesh + np.array([0.5, 0.5, 0])) / step - np.array([0.5, 0.5, 0]), np.float32)
    return _shrink(pixels, step), small


def enlarge_mesh(mesh: Mesh, step: int) -> Mesh:
    """(468, 3) float32, a mesh in the pixels of a copy with `step` pixels to one, in the pixels of the picture."""
    half = np.array([0.5, 0.5, 0])
    return np.asarray((mesh + half) * step - half, np.float32)


def shrink_affine(affine: Affine, step: int) -> Affine:
    """(2, 3) float32, from where `affine` (2, 3) comes from to the picture with `step` pixels of its own to one."""
    shift = np.array([[0, 0, 0.5]]) / step - np.array([[0, 0, 0.5]])
    return np.asarray(affine / step + shift, np.float32)


class Enlarger:
    """Brings one change up to full size. What does not depend on the new face's pixels is done while it is drawn."""

    def __init__(self, target: Pixels, small: Pixels, step: int, width: float, threads: ThreadPoolExecutor) -> None:
        """
        Args:
            target: (H, W, 3) uint8 RGB.
            small: (h, w, 3) uint8 RGB, what `shrink_face` made of it.
            step: pixels of `target` to one of `small`.
            width: of the face, in pixels of `small`.
            threads: do the work.
        """
        self._target, self._small, self._step, self._width, self._threads = target, small, step, width, threads
        self._ground: Future[_Ground] | None = None

    def begin(self, placed: Placed) -> None:
        """Begin with what is known of the change, before the new face is drawn."""
        if self._step > 1:
            self._ground = self._threads.submit(
                _prepare_ground, self._target, self._small, placed, self._step, self._width
            )

    def finish(self, change: Rendered) -> tuple[Pixels, Mask]:
        """The change at full size: (H, W, 3) uint8 RGB, and (H, W) float32, 1 where a pixel may differ, else 0.

        `change` was rendered on the small copy; `begin` was told of it.
        """
        if self._ground is None:
            return change.pixels, change.changed
        ground, result, step = self._ground.result(), self._target.copy(), self._step
        for drawn in [
            self._threads.submit(_draw_tile, result, self._target, ground, number, change.pixels, step)
            for number in range(len(ground.tiles))
        ]:
            drawn.result()
        touched = cv2.dilate(
            (change.changed > 0).astype(np.uint8), np.ones((2 * _REACH_PX + 1, 2 * _REACH_PX + 1), np.uint8)
        )
        size = self._small.shape[1] * step, self._small.shape[0] * step
        full = cv2.resize(touched, size, interpolation=cv2.INTER_NEAREST)
        return result, full[: self._target.shape[0], : self._target.shape[1]].astype(np.float32)


@contextmanager
def enlarging(target: Pixels, small: Pixels, step: int, width: float) -> Generator[Enlarger]:
    """See `Enlarger`; its threads have ended when the block is left."""
    with ThreadPoolExecutor(_THREADS) as threads:
        yield Enlarger(target, small, step, width, threads)


@dataclass(frozen=True, slots=True, eq=False)
class _Detail:
    """Of one tile of the target: its moved pixels, and what of their detail goes on top of the new picture.

    `detail` is (h, w, 3) int16, or None where all of it stays: then there may be nothing to do.
    """

    base: Pixels
    detail: NDArray[np.int16] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What a change is drawn on.

    Attributes:
        tiles: of the full size that change, each with the part of the small copy that it depends on.
        offset: (h, w, 2) float32, see `_find_offset`.
        moved: (h, w, 3) uint8 RGB, the moved target on the small copy.
        kept: (h, w) float32 in 0..1, how much of the target's detail stays.
        details: of the first tiles.
    """

    tiles: Sequence[tuple[Box, Box]]
    offset: Floats
    moved: Pixels
    kept: Mask
    details: Sequence[_Detail]


def _prepare_ground(target: Pixels, small: Pixels, placed: Placed, step: int, width: float) -> _Ground:
    still = _identity(small.shape)
    offset = _find_offset(placed, still, width)
    moved, inside = placed.moved, Box.covering(placed.own)
    if not inside.empty:
        places = np.add(still, offset, dtype=np.float32)[inside.part]
        moved = moved.copy()
        moved[inside.part] = resample(small, places, cubic=True)
    kept = 1 - placed.own * (1 - _find_grain(target, small, placed.own, step))
    tiles = [
        (tile, around) for tile, around in _tiles(target.shape, small.shape, step) if placed.changed[around.part].any()
    ]
    ground = _Ground(tiles, offset, moved, kept, ())
    early = [_lift_detail(target, ground, number, step) for number in range(min(len(tiles), _MOST_EARLY))]
    return replace(ground, details=early)


def _find_offset(change: Placed, still: Floats, width: float) -> Floats:
    """(h, w, 2) float32, how far the target's detail is moved with the target: well inside the new face it is not."""
    offset: Floats = change.origins - still
    plain = (change.own > 0.995).astype(np.uint8)
    inner = smooth_step(np.asarray(cv2.distanceTransform(plain, cv2.DIST_L2, 3), np.float32) / (_INNER * width))
    offset *= (1 - inner)[..., None]
    offset[np.maximum(np.abs(offset[..., 0]), np.abs(offset[..., 1])) <= STILL_PX] = 0
    return offset


def _lift_detail(target: Pixels, ground: _Ground, number: int, step: int) -> _Detail:
    """The moved target at a tile, and its detail."""
    tile, around = ground.tiles[number]
    offset, kept = ground.offset[around.part], ground.kept[around.part]
    base = target[tile.part]
    if offset.any():
        across, down = (
            _grow(np.float32(step) * offset[..., axis], tile, around, step, cv2.INTER_LINEAR) for axis in range(2)
        )
        rows, columns = (
            np.arange(*ends, dtype=np.float32) for ends in ((tile.top, tile.bottom), (tile.left, tile.right))
        )
        base = resample(target, (across + columns, down + rows[:, None]), cubic=True)
    if not (kept < 1).any():
        return _Detail(base, None)
    detail = _subtract(base, _grow(ground.moved[around.part], tile, around, step, cv2.INTER_CUBIC))
    share = _grow(np.asarray(np.rint(kept * 255), np.int16), tile, around, step, cv2.INTER_LINEAR)
    weakened = cv2.multiply(detail, cv2.merge([share, share, share]), scale=1 / 255)
    return _Detail(base, np.asarray(weakened, np.int16))


def _draw_tile(result: Pixels, target: Pixels, ground: _Ground, number: int, picture: Pixels, step: int) -> None:
    """One tile of the result, in place: the new picture (h, w, 3) enlarged, and the moved target's detail on top."""
    tile, around = ground.tiles[number]
    early = number < len(ground.details)
    lifted = ground.details[number] if early else _lift_detail(target, ground, number, step)
    moved, new, detail = ground.moved[around.part], picture[around.part], lifted.detail
    if detail is None:
        if np.array_equal(moved, new):
            result[tile.part] = lifted.base
            return
        detail = _subtract(lifted.base, _grow(moved, tile, around, step, cv2.INTER_CUBIC))
    cv2.add(_grow(new, tile, around, step, cv2.INTER_CUBIC), detail, dst=result[tile.part], dtype=cv2.CV_8U)


def _subtract(base: Pixels, smooth: Pixels) -> NDArray[np.int16]:
    return np.asarray(cv2.subtract(base, smooth, dtype=cv2.CV_16S), np.int16)


def _grow(values: NDArray[Any], tile: Box, around: Box, step: int, kind: int) -> NDArray[Any]:
    """`values` of `around`, a part of the small copy, at the full size of `tile`; `kind` is OpenCV's interpolation."""
    left, top = tile.left - around.left * step, tile.top - around.top * step
    size = (around.right - around.left) * step, (around.bottom - around.top) * step
    grown = np.asarray(cv2.resize(values, size, interpolation=kind))
    return grown[top : top + tile.shape[0], left : left + tile.shape[1]]


def _find_grain(target: Pixels, small: Pixels, own: Mask, step: int) -> Mask:
    """(h, w) float32 in 0..1, how much of the detail that `small` does not hold is grain, not lashes or hairs."""
    height, width = small.shape[:2]
    whole, fine = cv2.cvtColor(target, cv2.COLOR_RGB2GRAY), cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    smooth = cv2.resize(fine, (width * step, height * step), interpolation=cv2.INTER_CUBIC)
    away = cv2.absdiff(whole, smooth[: target.shape[0], : target.shape[1]])
    energy = blur(_shrink(np.asarray(away, np.uint8), step).astype(np.float32), _DETAIL_SPREAD_PX)
    seen = energy[::2, ::2][own[::2, ::2] > 0.9]
    usual = float(np.quantile(seen, _PLAINEST)) if len(seen) else 0.0
    return np.asarray(np.minimum(1, _PLAIN * (usual + 0.3) / (energy + 1e-3)) ** 1.5, np.float32)


def _shrink(pixels: Pixels, step: int) -> Pixels:
    """`pixels` (H, W) or (H, W, 3) averaged over squares of `step` pixels; the border repeats to fill the last."""
    height, width = pixels.shape[:2]
    down, across = -height % step, -width % step
    if down or across:
        pixels = np.asarray(cv2.copyMakeBorder(pixels, 0, down, 0, across, cv2.BORDER_REPLICATE), np.uint8)
    size = pixels.shape[1] // step, pixels.shape[0] // step
    while step % 2 == 0:  # OpenCV's area filter is several times quicker at an exact half
        step //= 2
        pixels = np.asarray(
            cv2.resize(pixels, (size[0] * step, size[1] * step), interpolation=cv2.INTER_AREA), np.uint8
        )
    return pixels if step == 1 else np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _identity(shape: tuple[int, ...]) -> Floats:
    """(h, w, 2) each pixel's own place."""
    return np.dstack(np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)))


def _tiles(full: tuple[int, ...], small: tuple[int, ...], step: int) -> Iterator[tuple[Box, Box]]:
    """Parts of a picture of the shape `full`, each with the part of the small copy that it depends on."""
    side = max(1, _TILE_PX // step)
    for top in range(0, small[0], side):
        for left in range(0, small[1], side):
            right, bottom = min(left + side, small[1]), min(top + side, small[0])
            tile = Box(left * step, top * step, min(right * step, full[1]), min(bottom * step, full[0]))
            around = Box(
                max(0, left - _REACH_PX),
                max(0, top - _REACH_PX),
                min(small[1], right + _REACH_PX),
                min(small[0], bottom + _REACH_PX),
            )
            yield tile, around
