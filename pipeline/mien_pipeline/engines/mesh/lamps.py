"""Hard or coloured light from one side: taken off a face before anything is learnt from it, and put on again.

Half a face in another light looks like another skin. It would be taken for a cover, and the edge of a shadow for one
of a feature; and no light that is learnt from wide blurs has such an edge.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.shadow import draw_shadow
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.facing import vertex_facing, vertex_normals
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.raster import extend_edges, rasterise
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.media.pyramid import shrink
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import rise, smooth_step

WORK_WIDTH_PX = 64  # of a face while its light is learnt
SAMPLE = 0.02  # face widths: the blur of the skin that a vertex stands for
DARKEST = 0.003  # linear light, added before a logarithm: what is darker is noise
FACING = (0.1, 0.5)  # what faces the viewer less than the first may be hair or background; from the second it is told
# Vertices that are told on both sides, from which a lamp is looked for, and believed: a face that looks straight ahead
# has 275, at 30° it has 160, at 45° 80. It fades with the turn of the head before less even measures jump.
PAIRS = (85.0, 190.0)
EDGES, EDGE_WIDTH = (-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6), 0.1  # of a normal's turn aside: where a shadow may begin
TILTS_DEG = (-40, 0, 40)  # how a shadow's edge may lean
TILT_CHOICE = 0.01  # doublings: a tilt whose fit is worse by this counts 1/e
RIDGE = 0.01  # how strongly each edge is held at 0, of the vertices' number
ROUNDS, OUTLIER = 4, 0.35  # of the fit; doublings from it at which skin counts half: hair, cast shadows, shine
# Doublings, roots of mean squares. Of 24 photographs, nine had sides that differ by .5 and more once and are told by
# the fit; hair before a face, a hand and a head that is turned are not told by it.
UNEVEN = (0.28, 0.5)  # between the sides, from which a lamp is looked for, and believed
SHOWN = (0.25, 0.55)  # of the lamp, from which it is taken off, and fully
UNTOLD = (0.64, 0.5)  # what the fit leaves of the difference, of the whole
LEFT = (0.6, 0.5)  # the same in doublings
UNSEEN = 0.005  # doublings of light that change no code value by more than one half: what is less is no lamp


@dataclass(frozen=True, slots=True, eq=False)
class Lamps:
    """What light from one side does to a face: `doublings` (468, 3) float32 at its vertices, RGB in linear light.

    They are of opposite signs on opposite sides: without this light both are as light as their geometric mean.
    """

    doublings: Floats

    @property
    def is_seen(self) -> bool:
        """Whether they change a picture at all."""
        return float(np.abs(self.doublings).max()) > UNSEEN

    def draw(self, mesh: Mesh, shape: tuple[int, ...]) -> Floats:
        """(H, W, 3) float32, the factor by which they change a picture of `shape` with the (468, 3) mesh in its pixels.

        Beside the face it is that of the nearest part of it.
        """
        grid, canonical = Grid.over(shape, Grid.step_for(face_width(mesh))), topology()
        triangles = np.concatenate([canonical.triangles, canonical.closing])
        raster = rasterise(grid.locate(mesh), mesh[:, 2], triangles, (grid.width, grid.height))
        return self.draw_on(raster.interpolate(self.doublings), raster.covered, grid, face_width(mesh), shape)

    @staticmethod
    def draw_on(
        doublings: Floats, covered: NDArray[np.bool_], grid: Grid, width: float, shape: tuple[int, ...]
    ) -> Floats:
        """The same of a face that lies on `grid` already.

        Args:
            doublings: (h, w, 3) float32, those of the vertices around each pixel of the grid.
            covered: (h, w) bool, which of its pixels show the face.
            grid: over a picture of `shape`.
            width: of the face, in pixels of the picture.
        """
        known = extend_edges(doublings, covered)
        return grid.enlarge(np.exp2(blur(known, 0.02 * width / grid.step)), shape)

    def mix(self, other: "Lamps", share: float) -> "Lamps":
        """The light between two pictures, at `share` 0..1 of the way to the other."""
        return Lamps(np.asarray(self.doublings + np.float32(share) * (other.doublings - self.doublings), np.float32))


NO_LAMPS = Lamps(np.zeros((468, 3), np.float32))


def find_lamps(pixels: Pixels, mesh: Mesh) -> Lamps | None:
    """The light from one side that a face is in; None where it is even, soft, or not what tells its sides apart.

    The logarithm of each channel's light is fitted to skin, as a function of how far its normal is turned aside; what
    differs between the sides is light. Hair, hands and cast shadows do not follow the normals, and are not fitted.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mesh: (468, 3) float32 in its pixels.
    """
    mirror = topology().mirror
    told = bare_vertices() * smooth_step((vertex_facing(mesh) - FACING[0]) / (FACING[1] - FACING[0]))
    both = told * told[mirror]
    light = _read_light(pixels, mesh)
    uneven = _halve_difference(light)
    whole = _measure(uneven, both)
    # In a clip a lamp may come and go, but not from one picture to the next: each limit is a slope.
    share = rise(float(both.sum()), PAIRS) * rise(whole, UNEVEN)
    if share == 0:
        return None
    lateral = _halve_difference(_fit_light(light, told))
    left = _measure(uneven - lateral, both)
    share *= rise(_measure(lateral, told), SHOWN)
    share *= rise(left / whole, UNTOLD) * rise(left, LEFT)
    return Lamps((share * lateral).astype(np.float32)) if share > 0 else None


def draw_lamps(pixels: Pixels, mesh: Mesh) -> Floats | None:
    """(H, W, 3) float32, what hard light changes a face's picture by; None where none does. As `find_lamps`.

    A shadow with an edge of its own is found first: no lamp is fitted to it.
    """
    shadow = draw_shadow(pixels, mesh)
    lamps = find_lamps(take_off(pixels, shadow), mesh)
    light = lamps.draw(mesh, pixels.shape) if lamps else None
    return shadow if light is None else light if shadow is None else np.multiply(light, shadow, out=light)


def take_off(pixels: Pixels, light: Floats | None) -> Pixels:
    """`pixels` (H, W, 3) uint8 RGB without `light`, a factor in linear light of the same shape; themselves for None."""
    return pixels if light is None else to_srgb(to_linear(pixels) / light)


def put_on(pixels: Pixels, light: Floats | None) -> Pixels:
    """`pixels` in a light that was taken off; arguments as there."""
    return pixels if light is None else to_srgb(to_linear(pixels) * light)


def put_back(changed: Pixels, even: Pixels, target: Pixels, own: Mask, light: Floats | None) -> Pixels:
    """`changed`, made of `even`, in the `light` that was taken off `target`; all (H, W, 3) uint8 RGB but the light.

    Shine in the shade is more than white without it. Where a pixel is not its `own`, (H, W) float32 in 0..1, it gets
    back what clipping and rounding took from the target; what is `even` still and not its own is the target's.
    """
    if light is None:
        return changed
    lost = target - put_on(even, light).astype(np.float32)
    lit = put_on(changed, light) + (1 - own)[..., None] * lost
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)


def even_out(pixels: Pixels, mesh: Mesh) -> Pixels:
    """`pixels` (H, W, 3) uint8 RGB without lamps beside the face of the (468, 3) mesh; themselves where none is."""
    return take_off(pixels, draw_lamps(pixels, mesh))


@cache
def bare_vertices() -> NDArray[np.bool_]:
    """(468,) True for vertices on skin: not in eyes, brows and lips, nor on the outline, beside which is hair."""
    at, bare = topology().vertices[:, :2].astype(np.float32), np.ones(468, np.bool_)
    bare[list(face.OVAL)] = False
    for ring in (face.LEFT_EYE, face.RIGHT_EYE, face.LEFT_BROW, face.RIGHT_BROW, face.OUTER_LIPS):
        hull = cv2.convexHull(at[list(ring)])
        inside = [cv2.pointPolygonTest(hull, (float(x), float(y)), True) > -0.01 for x, y in at]
        bare &= ~np.array(inside)
    return bare


def _read_light(pixels: Pixels, mesh: Mesh) -> Floats:
    """(468, 3) float32, the logarithm to base 2 of the linear light around each vertex."""
    scale = min(1.0, WORK_WIDTH_PX / face_width(mesh))
    size = max(2, round(pixels.shape[1] * scale)), max(2, round(pixels.shape[0] * scale))
    small = blur(to_linear(shrink(pixels, size)), SAMPLE * face_width(mesh) * scale)
    places = ((mesh[None, :, :2] + 0.5) * scale - 0.5).astype(np.float32)
    return np.asarray(np.log2(resample(small, places)[0] + DARKEST), np.float32)


def _fit_light(light: Floats, told: Floats) -> Floats:
    """(468, 3) what the normals tell of `light`, learnt where `told`, with the shadow's edges that fit best."""
    fits = np.stack([_fit_to(_basis(tilt), light, told) for tilt in TILTS_DEG])
    away = np.minimum(np.abs(light - fits), 1).mean(2) @ told / told.sum()
    weights = np.exp((away.min() - away) / TILT_CHOICE)
    return np.asarray(np.tensordot(weights / weights.sum(), fits, 1), np.float32)


def _fit_to(basis: Floats, light: Floats, told: Floats) -> Floats:
    """(468, 3) the fit of `light` by `basis` (468, K) where `told` (468,) 0..1, robust against what is not skin."""
    terms, values = basis.astype(np.float64), light.astype(np.float64)
    held = RIDGE * told.sum() * np.diag([0.0] * (terms.shape[1] - len(EDGES)) + [1.0] * len(EDGES))
    trust, fitted = np.ones(len(terms)), np.asarray(np.zeros((terms.shape[1], 3)))
    for _ in range(ROUNDS):
        known = terms * (told * trust)[:, None]
        fitted = np.asarray(np.linalg.solve(terms.T @ known + held, known.T @ values))
        away = ((values - terms @ fitted) ** 2).mean(1)
        trust = 1 / (1 + away / OUTLIER**2)
    return np.asarray(basis @ fitted, np.float32)


@cache
def _basis(tilt_deg: float) -> Floats:
    """(468, 6 + len(EDGES)) float32: what is alike on both sides, a slope, and a step at each edge of a shadow."""
    normals, y = vertex_normals(topology().vertices), topology().vertices[:, 1]
    tilt = np.radians(tilt_deg)
    aside = normals[:, 0] * np.cos(tilt) + normals[:, 1] * np.sin(tilt)
    alike = np.stack([np.ones(468), y, y * y, normals[:, 1], normals[:, 2], normals[:, 0] * normals[:, 1]], 1)
    steps = 1 / (1 + np.exp((np.array(EDGES) - aside[:, None]) / EDGE_WIDTH))
    return np.hstack([alike, steps]).astype(np.float32)


def _halve_difference(values: Floats) -> Floats:
    """(468, K) half of what each vertex's values are more than those on the other side."""
    return np.asarray((values - values[topology().mirror]) / 2, np.float32)


def _measure(values: Floats, weight: Floats) -> float:
    """The root of the mean square of (468, K) by their `weight` (468,), 0..1; 0 of nothing."""
    return float(np.sqrt(weight @ (values**2).mean(1) / max(float(weight.sum()), 1e-6)))
