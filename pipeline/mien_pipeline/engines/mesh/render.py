"""One face on one target: shape, texture, light, expression, grain, seam, in this order."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.brow_tone import bound_brows
from mien_pipeline.engines.mesh.expression import (
    target_eyes_mask,
    target_mouth_mask,
)
from mien_pipeline.engines.mesh.eyes import EyeSwap, turn_irises
from mien_pipeline.engines.mesh.fitting import fit_into_target, lay_stubble, match_detail
from mien_pipeline.engines.mesh.known_face import KnownFace, draw_on_face
from mien_pipeline.engines.mesh.lamps import draw_lamps, put_back, take_off
from mien_pipeline.engines.mesh.lent_detail import lend_detail
from mien_pipeline.engines.mesh.own_face import OwnFace, Surroundings, find_own_face
from mien_pipeline.engines.mesh.placed import Placed, ignore_placed
from mien_pipeline.engines.mesh.plain_skin import lay_on_own_skin
from mien_pipeline.engines.mesh.shape import blend_shape
from mien_pipeline.engines.mesh.shaving import DrawnBeard
from mien_pipeline.engines.mesh.surroundings import map_origins
from mien_pipeline.engines.mesh.tears import mend_tears
from mien_pipeline.engines.mesh.texture import Texture
from mien_pipeline.engines.mesh.veil import find_veil, put_on_again, take_off_veil
from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.grid import Box, Grid
from mien_pipeline.faces.raster import Raster, extend_edges, rasterise
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.progress import OnStep
from mien_pipeline.skin.blend import blend_bands
from mien_pipeline.skin.mask import below_hairline, oval_mask
from mien_pipeline.skin.quantile import quantile

MARGIN = 0.35  # face widths around the mesh, in which the target may give way to another shape
SEAM_MARGIN = 0.06  # face widths around the new shape that the seam's lowest frequency needs
EDGE = 0.02  # face widths over which the new face begins at its outline; the bands widen that by frequency
FOREHEAD_EDGE = 0.16  # the same below its upper end, which lies on bare skin: light changes across a high forehead
# A face is this wide where its light is worked out in a clip: in half of a still's time, and .2 levels from it.
CLIP_LIGHT_PX = 96
STILL_PX = 0.05  # a pixel that moves less than this keeps its value
STEPS = 6  # of which the engine takes the first two, before `render_face`: the eyes, and what is around the face


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """The region with the new face.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        changed: (H, W) float32, 1 where a pixel may differ from the target's, else 0.
        own: (H, W) float32 in 0..1, how much of a pixel is the new face's alone.
        origins: (H, W, 2) float32, where in the target each pixel that was drawn to the new shape is from.
        brightness: the code value, 0..255, below which nine tenths of the face lie.
        shown: what of the target was its own face.
        mesh: (468, 3) float32, where the new face's vertices are, in the region's pixels.
        hair: (H, W) float32 in 0..1, how much of a pixel is its beard; None without one.
    """

    pixels: Pixels
    changed: Mask
    own: Mask
    origins: Floats
    brightness: float
    shown: OwnFace | KnownFace
    mesh: Mesh
    hair: Mask | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _MovedTarget:
    """The target drawn to the new shape.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        changed: (H, W) bool, where it differs from the target as it came.
        origins: (H, W, 2) float32, where in that target each pixel is from.
    """

    pixels: Pixels
    changed: NDArray[np.bool_]
    origins: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where the new face lies in the region; of that only the face itself, half of it, becomes new.

    Attributes:
        grid, shaped: over the region, and the (468, 3) mesh of the new shape in its pixels.
        box: the part that becomes new, whole steps of the grid.
        inner, face: over the box, and the mesh in its pixels.
    """

    grid: Grid
    shaped: Mesh
    box: Box
    inner: Grid
    face: Mesh

    @classmethod
    def of(cls, shape: tuple[int, ...], step: int, shaped: Mesh) -> "_Place":
        """`shape` is that of the region, `step` the grid's."""
        box = Box.around(shaped, SEAM_MARGIN, shape).snap_to_steps(step, shape)
        return cls(Grid.over(shape, step), shaped, box, Grid.over(box.shape, step), box.to_local(shaped))

    @property
    def cells(self) -> tuple[slice, slice]:
        """Rows and columns of the grid that the box covers."""
        box, step = self.box, self.grid.step
        return slice(box.top // step, -(-box.bottom // step)), slice(box.left // step, -(-box.right // step))

    @property
    def coarse(self) -> Grid:
        """A coarser grid over the box: what light is worked out on in a clip."""
        return Grid.over(self.box.shape, max(1, round(face_width(self.face) / CLIP_LIGHT_PX)))


def render_face(
    texture: Texture,
    reference: Mesh,
    target: Pixels,
    mesh: Mesh,
    shape: float,
    eyes: tuple[EyeSwap, EyeSwap],
    own_face: Surroundings | OwnFace | KnownFace,
    on_step: OnStep,
    *,
    grain: bool = True,
    on_placed: Callable[[Placed], None] = ignore_placed,
    plain: bool = False,
) -> Rendered:
    """The textured reference on the target's mesh.

    Args:
        texture, reference: the reference face unrolled, and its (468, 3) mesh in any frame.
        target: (H, W, 3) uint8 RGB, the region around the target face; it is all that the result depends on.
        mesh: (468, 3) float32, the target face in the region's pixels.
        shape: 0..1, how far the target's shape gives way to the reference's.
        eyes, on_step: how each eye is rendered; what is told after each of the last four steps.
        own_face: what is around the target face, in the region's pixels, to find what of it shows; or what does.
        grain: whether it gets any; on a smaller copy of a picture, what looks like it is pores.
        on_placed: told where the new face will be, before it is drawn.
        plain: whether its skin stays the target's own: see `lay_on_own_skin`.
    """
    at = _Place.of(target.shape, Grid.step_for(face_width(mesh)), blend_shape(mesh, reference, shape))
    box, known = at.box, own_face if isinstance(own_face, KnownFace) else None
    lamps = None if known else draw_lamps(target, mesh)
    even = take_off(target, lamps)
    veil = known.veil if known else find_veil(even, mesh)
    with _finding_own_face(even, mesh, own_face, texture) as wait_for_face:
        raster = _rasterise_mesh(at.grid, at.shaped)
        places = _find_texture_places(at.grid, raster, at.shaped, eyes)[at.cells]
        drawn, valid, bare, beard = _draw(texture.fit(face_width(at.face)), places, at.inner, box.shape)
        moved = _move_target(target, mesh, at.shaped, at.grid, raster)
        shown = wait_for_face()
        beard = None if "beard-kept" in shown.warnings else beard
    skin = _draw_own_face(shown, places, at.inner, moved.origins[box.part])
    on_step(3, STEPS)
    lamps = _draw_known_light(known, raster, at) if known else _move_light(lamps, moved.origins[box.part])
    veiled = take_off(moved.pixels[box.part], lamps)
    base = take_off_veil(veiled, veil)
    outline = oval_mask(box.shape, at.face, EDGE) * below_hairline(box.shape, at.face, FOREHEAD_EDGE)
    alpha = np.minimum(np.minimum(outline, skin), valid)
    bare *= alpha
    mouth, lids = target_mouth_mask(base.shape, at.face, reference), target_eyes_mask(base.shape, at.face, eyes)
    kept = np.maximum(mouth, lids)
    placed = _place(moved, box, alpha, alpha * (1 - kept))
    on_placed(placed)
    on_step(4, STEPS)
    grid = at.coarse if known else at.inner
    new = fit_into_target(
        drawn, base, bare, alpha, (mouth, lids), at.face, reference, grid, eyes, beard, lays_beard=not plain
    )
    new = lend_detail(new, base, kept, face_width(at.face) / texture.resolved_px)
    on_step(5, STEPS)
    even = take_off(target[box.part], lamps) if known else even[box.part]
    matched = match_detail(new, base, take_off_veil(even, veil), alpha, bare, kept, at.face, grain=grain)
    if plain:
        matched = lay_on_own_skin(matched, base, alpha, kept, at.face, eyes, at.inner)
    matched = bound_brows(matched, base, drawn, alpha, at.face, at.inner)
    if plain and beard:
        matched = lay_stubble(matched, base, drawn, beard, 1 - mouth, at.face, at.inner)
    light = _measure_brightness(base, alpha)
    own = placed.own[box.part]
    made = put_on_again(blend_bands(base, matched, alpha), base, veiled, own, veil)
    lit = put_back(made, veiled, moved.pixels[box.part], own, lamps)
    cv2.copyTo(lit, (alpha > 0).view(np.uint8), moved.pixels[box.part])
    on_step(6, STEPS)
    hair = _put_into(placed.own.shape, box, beard.share) if beard else None
    return Rendered(moved.pixels, placed.changed, placed.own, moved.origins, light, shown, at.shaped, hair)


@contextmanager
def _finding_own_face(
    target: Pixels, mesh: Mesh, own_face: Surroundings | OwnFace | KnownFace, texture: Texture
) -> Generator[Callable[[], OwnFace | KnownFace]]:
    """What waits for what the target's own face is; that is looked for while the block runs."""
    if not isinstance(own_face, Surroundings):
        yield lambda: own_face
        return
    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(find_own_face, target, mesh, own_face, texture.colour).result


def _draw_own_face(shown: OwnFace | KnownFace, places: Floats, grid: Grid, origins: Floats) -> Mask:
    """(h, w) of the box, 0..1 where the target's own face shows.

    `places` say where in the texture each pixel of `grid` is, `origins` where in the target each pixel of the box.
    """
    if isinstance(shown, KnownFace):
        return shown.draw(places, grid, origins.shape)
    own = np.asarray(resample(shown.mask, origins), np.float32)
    return own if shown.beard is None else np.minimum(own, 1 - draw_on_face(shown.beard, places, grid, origins.shape))


def _rasterise_mesh(grid: Grid, mesh: Mesh) -> Raster:
    """The mesh on the grid, its mouth and eyes closed."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    return rasterise(grid.locate(mesh), mesh[:, 2], triangles, (grid.width, grid.height))


def _move_target(target: Pixels, mesh: Mesh, shaped: Mesh, grid: Grid, raster: Raster) -> _MovedTarget:
    """The target drawn to the new shape; hair, glasses and background move along."""
    places = grid.to_full(map_origins(raster, grid.locate(shaped), grid.locate(mesh)))
    full = grid.enlarge(places, target.shape)
    rows = np.arange(target.shape[0], dtype=np.float32)[:, None]
    columns = np.arange(target.shape[1], dtype=np.float32)
    changed = (np.abs(full[..., 0] - columns) > STILL_PX) | (np.abs(full[..., 1] - rows) > STILL_PX)
    pixels = target.copy()
    cv2.copyTo(resample(target, full, cubic=True), changed.astype(np.uint8), pixels)
    return _MovedTarget(pixels, changed, full)


def _find_texture_places(grid: Grid, raster: Raster, shaped: Mesh, eyes: tuple[EyeSwap, EyeSwap]) -> Floats:
    """(h, w, 2) where in the texture, 0..1, each pixel of the grid is."""
    places = extend_edges(raster.interpolate(topology().uv), raster.covered)
    if not any(eye.share for eye in eyes):  # the target's own are laid over them
        return places
    return turn_irises(places, grid.locate(shaped), eyes)


def _draw(
    texture: Texture, places: Floats, grid: Grid, shape: tuple[int, int]
) -> tuple[Pixels, Mask, Mask, DrawnBeard | None]:
    """The texture on the mesh, (H, W, 3) uint8, and (H, W) 0..1 how far it shows this person, and their bare skin.

    The last is the beard.
    """
    full = grid.enlarge(places * texture.colour.shape[0] - 0.5, shape)
    valid, bare = (np.asarray(resample(part, full) / 255, np.float32) for part in (texture.validity, texture.skin))
    drawn = resample(texture.colour, full, cubic=True)
    mend_tears(drawn, texture.colour, places, grid)
    return drawn, valid, bare, texture.beard.draw(full) if texture.beard else None


def _place(moved: _MovedTarget, box: Box, alpha: Mask, own: Mask) -> Placed:
    """The region, of whose `box` the new face takes `alpha` (h, w), and `own` (h, w) of that is it alone.

    A place that stays the target's amid the new face keeps its value: a coarse band would tint it.
    """
    changed = moved.changed.astype(np.float32)
    changed[box.part][alpha > 0] = 1
    return Placed(moved.pixels.copy(), changed, _put_into(changed.shape, box, own), moved.origins)


def _put_into(shape: tuple[int, ...], box: Box, part: Mask) -> Mask:
    """(H, W) `part` (h, w) in its box of a region of `shape`, 0 beside it."""
    everywhere = np.zeros(shape, np.float32)
    everywhere[box.part] = part
    return everywhere


def _draw_known_light(known: KnownFace, raster: Raster, at: _Place) -> Floats | None:
    """(H, W, 3) float32, the lamps' light on the new shape, in the box; None where there is none."""
    if known.lamps is None:
        return None
    doublings, covered = raster.interpolate(known.lamps.doublings)[at.cells], raster.covered[at.cells]
    return known.lamps.draw_on(doublings, covered, at.inner, face_width(at.face), at.box.shape)


def _move_light(light: Floats | None, origins: Floats) -> Floats | None:
    """The lamps' light drawn to the new shape as the target is; `origins` (H, W, 2) say where each pixel is from."""
    return None if light is None else np.asarray(resample(light, origins), np.float32)


def _measure_brightness(pixels: Pixels, alpha: Mask) -> float:
    """The code value below which nine tenths of the face lie; 0 where it is hidden."""
    face = pixels[::4, ::4][alpha[::4, ::4] > 0.5]
    return quantile(face, 0.9) if len(face) else 0.0
