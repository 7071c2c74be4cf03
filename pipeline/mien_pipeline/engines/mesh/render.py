"""One face on one target: shape, texture, light, mouth and eyes, grain, seam, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.engines.mesh.eyes import Exchange, turned
from mien_pipeline.engines.mesh.raster import Raster, grown, rasterise
from mien_pipeline.engines.mesh.shape import blended_shape, mouth_agreement
from mien_pipeline.engines.mesh.surroundings import source_map
from mien_pipeline.engines.mesh.texture import Texture
from mien_pipeline.stages import topology as face
from mien_pipeline.stages.align import resample
from mien_pipeline.stages.blend import multi_band
from mien_pipeline.stages.grain import match_grain
from mien_pipeline.stages.light import blur, light_ratio, to_linear, to_srgb
from mien_pipeline.stages.mask import disc, oval_mask, skin_mask
from mien_pipeline.stages.topology import face_width, topology
from mien_pipeline.types import Floats, OnStep, Pixels, SwapWarning

MARGIN = 0.35  # face widths around the mesh, in which the target may give way to another shape
GRID_WIDTH_PX = 128  # geometry and light are worked out on a face this wide
LIGHT_SIGMA = 0.15  # face widths: shading above this is the target's, below it the reference's
HUE_DETAIL = 0.5  # how much of the reference's patches of hue stay on its skin
SHINE_DETAIL = 0.5  # how much of its shine, once the skin is made twice as light
# Where a smile folds the skin, from the nose's wing to beside the chin, and how wide, in face widths.
FOLD = (129, 203, 206, 216, 212, 202, 204, 211)
FOLD_WIDTH, FOLD_FEATHER = 0.06, 0.02
LIP_EDGE = 0.006  # face widths: the dark line between lips belongs to the mouth that shows it
STEPS = 5


@dataclass(frozen=True, slots=True)
class Region:
    """A whole-pixel part of the target: left, top, right, bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, mesh: Floats, shape: tuple[int, ...]) -> "Region":
        margin = MARGIN * face_width(mesh)
        low = np.floor(mesh[:, :2].min(0) - margin).astype(int)
        high = np.ceil(mesh[:, :2].max(0) + margin).astype(int)
        return cls(max(0, int(low[0])), max(0, int(low[1])), min(shape[1], int(high[0])), min(shape[0], int(high[1])))

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.right)

    @property
    def affine(self) -> Floats:
        return np.array([[1, 0, -self.left], [0, 1, -self.top]], np.float32)

    def local(self, mesh: Floats) -> Floats:
        return (mesh - np.array([self.left, self.top, 0])).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """`pixels` (H, W, 3) of the region, `changed` (H, W) float32 0 or 1, and what was noticed on the way."""

    pixels: Pixels
    changed: Floats
    brightness: float
    warnings: tuple[SwapWarning, ...]


@dataclass(frozen=True, slots=True)
class _Grid:
    """The coarse grid over a region: `step` full pixels to one of the grid's."""

    step: int
    width: int
    height: int

    @classmethod
    def over(cls, shape: tuple[int, ...], width_px: float) -> "_Grid":
        step = max(1, round(width_px / GRID_WIDTH_PX))
        return cls(step, -(-shape[1] // step), -(-shape[0] // step))

    def points(self, mesh: Floats) -> Floats:
        """Vertices in grid pixels; a pixel's centre is at +0.5 on either grid."""
        return ((mesh[:, :2] + 0.5) / self.step - 0.5).astype(np.float32)

    def down(self, values: Floats) -> Floats:
        """Full-size values averaged on the grid."""
        height, width = values.shape[:2]
        padded = cv2.copyMakeBorder(
            values, 0, self.height * self.step - height, 0, self.width * self.step - width, cv2.BORDER_REPLICATE
        )
        return np.asarray(cv2.resize(padded, (self.width, self.height), interpolation=cv2.INTER_AREA), np.float32)

    def up(self, values: Floats, shape: tuple[int, ...]) -> Floats:
        """Grid values at full size."""
        size = (self.width * self.step, self.height * self.step)
        full = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return full[: shape[0], : shape[1]]

    def to_full(self, places: Floats) -> Floats:
        """Grid coordinates → full coordinates."""
        return (places + 0.5) * self.step - 0.5


def render_face(
    texture: Texture,
    reference: Floats,
    target: Pixels,
    mesh: Floats,
    shape: float,
    eyes: tuple[Exchange, Exchange],
    on_step: OnStep,
) -> Rendered:
    """The textured reference on the target's mesh, both in the region's own pixels."""
    width = face_width(mesh)
    grid = _Grid.over(target.shape, width)
    shaped = blended_shape(mesh, reference, shape)
    raster = _raster(grid, shaped)
    on_step(1, STEPS)
    base, skin, moved = _moved_target(target, mesh, shaped, grid, raster)
    on_step(2, STEPS)
    drawn, valid = _drawn(texture, grid, raster, grid.points(shaped), eyes, target.shape)
    alpha = np.minimum(oval_mask(target.shape, shaped), np.minimum(skin, valid))
    on_step(3, STEPS)
    lit = _lit(drawn, base, alpha, shaped, grid, width)
    folds = grid.up(_folds(shaped, reference, grid), target.shape)
    kept = np.maximum(_kept_features(target.shape, shaped, width, eyes), folds)
    lit = _lerp(lit, base, kept)
    on_step(4, STEPS)
    plain = alpha * (1 - kept)
    grained = match_grain(lit.astype(np.float32), base.astype(np.float32), plain)
    pixels = multi_band(base, np.clip(grained + 0.5, 0, 255).astype(np.uint8), alpha)
    changed = ((alpha > 0) | moved).astype(np.float32)
    brightness = float(np.median(target[alpha > 0.5])) if bool((alpha > 0.5).any()) else 0.0
    on_step(5, STEPS)
    return Rendered(pixels, changed, brightness, ())


def _raster(grid: _Grid, mesh: Floats) -> Raster:
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    return rasterise(grid.points(mesh), mesh[:, 2], triangles, (grid.width, grid.height))


def _moved_target(
    target: Pixels, mesh: Floats, shaped: Floats, grid: _Grid, raster: Raster
) -> tuple[Pixels, Floats, Floats]:
    """The target and its skin mask drawn to the new shape, and where that changed anything."""
    places = grid.to_full(source_map(raster, grid.points(shaped), grid.points(mesh)))
    full = np.ascontiguousarray(grid.up(places, target.shape))
    rows, columns = np.mgrid[: target.shape[0], : target.shape[1]].astype(np.float32)
    moved = np.maximum(np.abs(full[..., 0] - columns), np.abs(full[..., 1] - rows)) > 0.05
    base = resample(target, full, cubic=True)
    skin = resample(skin_mask(target, mesh), full)
    return np.where(moved[..., None], base, target), skin, moved


def _drawn(
    texture: Texture,
    grid: _Grid,
    raster: Raster,
    points: Floats,
    eyes: tuple[Exchange, Exchange],
    shape: tuple[int, ...],
) -> tuple[Pixels, Floats]:
    """The texture on the mesh, (H, W, 3) uint8, and how far it is this person's own skin, (H, W)."""
    side = texture.colour.shape[0]
    places = raster.interpolate(topology().uv) * side - 0.5
    places = turned(grown(places, raster.covered), points, eyes)
    full = np.ascontiguousarray(grid.up(places, shape))
    valid = resample(texture.validity, full).astype(np.float32) / 255
    return resample(texture.colour, full, cubic=True), valid


def _lit(drawn: Pixels, base: Pixels, alpha: Floats, mesh: Floats, grid: _Grid, width: float) -> Pixels:
    """`drawn` in the target's light and colour cast."""
    features = _fill(alpha.shape, mesh, (face.LEFT_EYE, face.RIGHT_EYE, face.OUTER_LIPS))
    skin = grid.down(alpha * (1 - features))
    light, sigma_px = to_linear(drawn), LIGHT_SIGMA * width / grid.step
    coarse = grid.down(light)
    ratio = light_ratio(coarse, grid.down(to_linear(base)), skin, sigma_px)
    even = _evened(coarse, ratio, skin, sigma_px)
    plain = 1 - blur(grid.down(features), 0.01 * width / grid.step)
    return to_srgb(light * grid.up(ratio * even ** plain[..., None], alpha.shape))


def _evened(light: Floats, ratio: Floats, skin: Floats, sigma_px: float) -> Floats:
    """(h, w, 3) factor that calms what a change of light would exaggerate on skin.

    Patches of another hue turn to blotches when a warm picture is made cool, and the shine on a dark skin to white
    spots when it is made lighter: shine adds to a colour, and is no part of it.
    """
    weight = skin[..., None] + 1e-3
    around = blur(light * weight, sigma_px) / blur(weight, sigma_px)[..., None] + 1e-4
    detail = (light + 1e-4) / around
    brightness = detail.mean(2, keepdims=True)
    hue = (detail / brightness) ** (HUE_DETAIL - 1)
    lighter = np.clip(np.log2(ratio.mean(2, keepdims=True)), 0, 1)
    shine = np.maximum(brightness, 1) ** (-(1 - SHINE_DETAIL) * lighter)
    return np.clip(hue * shine, 0.4, 2.5).astype(np.float32)


def _kept_features(shape: tuple[int, ...], mesh: Floats, width: float, eyes: tuple[Exchange, Exchange]) -> Floats:
    """(H, W) 1 where the target's own picture stays: inside the mouth, and in eyes that cannot be exchanged."""
    mouth = cv2.dilate(_fill(shape, mesh, (face.INNER_LIPS,)), disc(max(1, round(LIP_EDGE * width))))
    kept = blur(np.asarray(mouth, np.float32), LIP_EDGE * width)
    for ring, eye in zip((face.LEFT_EYE, face.RIGHT_EYE), eyes, strict=True):
        kept = np.maximum(kept, (1 - eye.share) * blur(_fill(shape, mesh, (ring,)), 0.006 * width))
    return kept


def _folds(mesh: Floats, reference: Floats, grid: _Grid) -> Floats:
    """(h, w) of the grid: where folds beside the mouth belong to the target's expression, not to the reference's.

    A smile's folds make no sense beside a mouth that does not smile, and the other way round.
    """
    mirror = topology().mirror
    lines = [FOLD, tuple(int(mirror[vertex]) for vertex in FOLD)]
    paths = [np.round(grid.points(mesh)[list(line)] * 16).astype(np.int32) for line in lines]
    width = face_width(mesh) / grid.step
    near = np.zeros((grid.height, grid.width), np.uint8)
    cv2.polylines(near, paths, False, (1,), max(1, round(FOLD_WIDTH * width)), cv2.LINE_8, 4)
    return (1 - mouth_agreement(mesh, reference)) * blur(near.astype(np.float32), FOLD_FEATHER * width)


def _fill(shape: tuple[int, ...], mesh: Floats, rings: Sequence[tuple[int, ...]]) -> Floats:
    filled = np.zeros(shape[:2], np.uint8)
    for ring in rings:
        cv2.fillPoly(filled, [np.round(mesh[list(ring), :2] * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return filled.astype(np.float32)


def _lerp(one: Pixels, other: Pixels, weight: Floats) -> Pixels:
    return (one + weight[..., None] * (other.astype(np.float32) - one) + 0.5).astype(np.uint8)
