"""One face on one target: shape, texture, light, expression, grain, seam, in this order."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.engines.mesh.expression import eyes_and_lips, kept_eyes, kept_mouth, tinted, unfolded
from mien_pipeline.engines.mesh.eyes import Exchange, turned
from mien_pipeline.engines.mesh.grid import Box, Grid
from mien_pipeline.engines.mesh.lighting import relit
from mien_pipeline.engines.mesh.raster import Raster, grown, rasterise
from mien_pipeline.engines.mesh.shape import blended_shape
from mien_pipeline.engines.mesh.surroundings import source_map
from mien_pipeline.engines.mesh.texture import Texture
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.progress import OnStep
from mien_pipeline.report import SwapWarning
from mien_pipeline.skin.blend import multi_band
from mien_pipeline.skin.glasses import crosses_bridge, rims
from mien_pipeline.skin.grain import match_grain
from mien_pipeline.skin.mask import cheeks, covers_features, oval_mask, skin_mask

MARGIN = 0.35  # face widths around the mesh, in which the target may give way to another shape
SEAM_MARGIN = 0.06  # face widths around the new shape that the seam's lowest frequency needs
EDGE = 0.02  # face widths over which the new face begins at its outline; the bands widen that by frequency
STILL_PX = 0.05  # what moves less than this keeps its pixels
STEPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """`pixels` (H, W, 3) of the region, `changed` (H, W) float32 0 or 1, and what was noticed on the way."""

    pixels: Pixels
    changed: Floats
    brightness: float
    warnings: tuple[SwapWarning, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """The target drawn to the new shape, its own skin there, and (H, W) bool where that changed anything."""

    pixels: Pixels
    skin: Floats
    changed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    warnings: tuple[SwapWarning, ...]


def render_face(
    texture: Texture,
    reference: Floats,
    target: Pixels,
    mesh: Floats,
    shape: float,
    eyes: tuple[Exchange, Exchange],
    on_step: OnStep,
) -> Rendered:
    """The textured reference on the target's mesh.

    Args:
        texture, reference: the reference face unrolled, and its (468, 3) mesh.
        target: (H, W, 3) the region around the target face; nothing outside is looked at.
        mesh: (468, 3) the target face in the region's pixels.
        shape: 0..1, how far the target's shape gives way to the reference's.
        eyes: what is done with each eye.
    """
    step = Grid.step_for(face_width(mesh))
    grid = Grid.over(target.shape, step)
    shaped = blended_shape(mesh, reference, shape)
    raster = _raster(grid, shaped)
    moved = _moved_target(target, mesh, shaped, grid, raster)
    on_step(1, STEPS)
    # From here on only the face itself is touched: half of the region.
    box = Box.around(shaped, SEAM_MARGIN, target.shape).on_steps_of(step, target.shape)
    places = _texture_places(grid, raster, shaped, eyes)[
        box.top // step : -(-box.bottom // step), box.left // step : -(-box.right // step)
    ]
    inner, face, base = Grid.over(box.shape, step), box.local(shaped), moved.pixels[box.part]
    drawn, valid = _drawn(texture, places, inner, box.shape)
    alpha = np.minimum(np.minimum(oval_mask(box.shape, face, EDGE), moved.skin[box.part]), valid)
    on_step(2, STEPS)
    features, before = eyes_and_lips(box.shape, face), base.astype(np.float32)
    new = relit(drawn, base, alpha, features, inner, face_width(face)).astype(np.float32)
    new = unfolded(new, face, reference, inner)
    mouth, open_eyes = kept_mouth(box.shape, face, reference), kept_eyes(box.shape, face, eyes)
    _keep(new, tinted(before, new, face), mouth)
    _keep(new, before, open_eyes)
    on_step(3, STEPS)
    # The grain of the target as it came: drawing it to the new shape has softened it.
    grain = target[box.part].astype(np.float32)
    grained = match_grain(new, grain, alpha * (1 - np.maximum(mouth, open_eyes)), alpha * cheeks(box.shape, face))
    pixels, changed = moved.pixels.copy(), moved.changed.copy()
    pixels[box.part] = multi_band(base, np.clip(grained + 0.5, 0, 255).astype(np.uint8), alpha)
    changed[box.part] |= alpha > 0
    on_step(4, STEPS)
    return Rendered(pixels, changed.astype(np.float32), _brightness(base, alpha), moved.warnings)


def _raster(grid: Grid, mesh: Floats) -> Raster:
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    return rasterise(grid.points(mesh), mesh[:, 2], triangles, (grid.width, grid.height))


def _moved_target(target: Pixels, mesh: Floats, shaped: Floats, grid: Grid, raster: Raster) -> _Moved:
    """The target gives way to the new shape, hair, glasses and background with it."""
    skin, warnings = _own_skin(target, mesh)
    places = grid.to_full(source_map(raster, grid.points(shaped), grid.points(mesh)))
    full = grid.up(places, target.shape)
    rows = np.arange(target.shape[0], dtype=np.float32)[:, None]
    columns = np.arange(target.shape[1], dtype=np.float32)
    changed = (np.abs(full[..., 0] - columns) > STILL_PX) | (np.abs(full[..., 1] - rows) > STILL_PX)
    pixels = target.copy()
    cv2.copyTo(resample(target, full, cubic=True), changed.astype(np.uint8), pixels)
    return _Moved(pixels, resample(skin, full), changed, warnings)


def _own_skin(target: Pixels, mesh: Floats) -> tuple[Floats, tuple[SwapWarning, ...]]:
    """(H, W) 1 where the target shows its own face, 0 on hair, covers and the rims of glasses."""
    skin = skin_mask(target, mesh)
    frame = rims(target, mesh) if crosses_bridge(target, mesh) else np.zeros_like(skin)
    occluded = frame.any() or covers_features(skin, mesh)
    return np.minimum(skin, 1 - frame), ("occluded",) if occluded else ()


def _texture_places(grid: Grid, raster: Raster, shaped: Floats, eyes: tuple[Exchange, Exchange]) -> Floats:
    """(h, w, 2) where in the texture, 0..1, each pixel of the grid is found."""
    places = grown(raster.interpolate(topology().uv), raster.covered)
    return turned(places, grid.points(shaped), eyes)


def _drawn(texture: Texture, places: Floats, grid: Grid, shape: tuple[int, int]) -> tuple[Pixels, Floats]:
    """The texture on the mesh, (H, W, 3) uint8, and how far it is this person's own skin, (H, W)."""
    full = grid.up(places * texture.colour.shape[0] - 0.5, shape)
    valid = np.asarray(resample(texture.validity, full) / 255, np.float32)
    return resample(texture.colour, full, cubic=True), valid


def _keep(new: Floats, old: Floats, share: Floats) -> None:
    """Make `new` the `share` (H, W) of `old` in place."""
    part = Box.covering(share).part
    new[part] += share[part][..., None] * (old[part] - new[part])


def _brightness(pixels: Pixels, alpha: Floats) -> float:
    """Median code value of the face."""
    face = pixels[::4, ::4][alpha[::4, ::4] > 0.5]
    return float(np.median(face)) if len(face) else 0.0
