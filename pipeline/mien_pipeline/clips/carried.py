"""A new face carried from key pictures to those between them, on the motion of its mesh: for any engine of stills.

Each key picture is rendered as a still is. Between two of them every pixel of the face is looked up where the same
place of the canonical face lies in either key picture, and lit as this picture is. A key picture shows its own face
through the same map, so that nothing changes in kind from picture to picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.clips.tracks import require_mesh
from mien_pipeline.face import Face, Mesh, Patch
from mien_pipeline.faces.align import invert, resample, warp
from mien_pipeline.faces.facing import vertex_facing
from mien_pipeline.faces.grid import Box, Grid
from mien_pipeline.faces.raster import Raster, extend_edges, rasterise
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Image, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import ignore_step
from mien_pipeline.protocols import HoldsLikeness, Likeness
from mien_pipeline.report import SwapWarning
from mien_pipeline.skin.light import average, blur, light_ratio
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import disc, oval_mask, smooth_step

_MARGIN = 0.06  # face widths around the mesh that a seam's lowest frequency needs
_EDGE = 0.08  # face widths over which a carried face begins at its outline
_LIGHT_SIGMA = 0.15  # face widths: light that changes over less is the face's own detail
# The target's own face looks unlike in a key picture where it is off by this part of its middle lightness: from the
# first on a little, surely by the second. A lid that shut, lips that opened, a hand: there the target stays.
_CHANGED = (0.12, 0.25)
_COVERED = (0.3, 0.5)  # the same with one light for the whole face: a turn of the head changes its shades by less
_CHANGE_SIGMA = 0.02  # face widths: an edge that a mesh misses by a pixel is narrower
_DARKEST = 0.02  # of lightness: what is darker than that changes by noise
_ISLAND = 0.05  # face widths: radius of the smallest place that is alike amid others that are not
_LEAST = 1e-3  # so that weights have a sum where nothing of a face shows
_HOLE = 0.02  # face widths: a hole in a mask that is smaller is one of single pixels that an engine left as they were
_UNSEEN = 0.05  # how far a place counts that a key picture shows edge-on


@dataclass(frozen=True, slots=True, eq=False)
class KeyFace:
    """One face of a key picture.

    Attributes:
        own, made: (h, w, 3) uint8 RGB, the target around the face, and what an engine made of it.
        mask: (h, w) float32 in 0..1, how much of a pixel is the new face's.
        mesh: (468, 3) float32, the target's face in these pixels.
        warnings: what limits the new face.
    """

    own: Pixels
    made: Pixels
    mask: Mask
    mesh: Mesh
    warnings: tuple[SwapWarning, ...]

    @classmethod
    def keep(cls, target: Image, mesh: Mesh, patch: Patch) -> "KeyFace":
        """Keep what an engine made of the face whose (468, 3) `mesh` is in the target's pixels."""
        box = Box.around(mesh, _MARGIN, target.pixels.shape)
        own, back = target.pixels[box.part].copy(), invert(patch.affine)
        back[:, 2] -= box.left, box.top
        size = own.shape[1], own.shape[0]
        mask = np.asarray(cv2.warpAffine(patch.mask, back, size, flags=cv2.INTER_LINEAR), np.float32)
        # As the engine made it: it is blended into each picture that it is carried to, once.
        crop = warp(patch.crop, back, size, border=cv2.BORDER_REPLICATE, cubic=True)
        made = np.where(mask[..., None] > 0, crop, own)
        return cls(own, made, _close(mask, face_width(mesh)), box.to_local(mesh), patch.warnings)


@dataclass(frozen=True, slots=True, eq=False)
class CarriedLikeness:
    """A likeness that is rendered in key pictures alone; see `protocols.KnowsClips`."""

    likeness: Likeness

    @property
    def known_margin(self) -> float:
        """What the networks need that finish a picture."""
        return 0.8

    def look(self, target: Image, face: Face, options: SwapOptions, /) -> KeyFace:
        """The new face in a key picture."""
        inner = self.likeness.likeness if isinstance(self.likeness, HoldsLikeness) else self.likeness
        return KeyFace.keep(target, require_mesh(face), inner.render(target, face, options, ignore_step))

    def render_known(
        self, target: Image, face: Face, _options: SwapOptions, before: object, after: object, share: float, /
    ) -> Patch:
        """The faces of both key pictures on this one's mesh, mixed by how near they are."""
        place = _Place.of(target, require_mesh(face))
        shares = (_require_key(before), 1 - share), (_require_key(after), share)
        patch = place.mix([(key, part) for key, part in shares if part > 0])
        return self.likeness.finish(patch, target, face) if isinstance(self.likeness, HoldsLikeness) else patch


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A key picture's face on another picture's mesh.

    Attributes:
        pixels: (h, w, 3) uint8 RGB, in that picture's light.
        mask: (h, w) float32 in 0..1, how much of a pixel is the new face's.
        alike: (h, w) float32 in 0..1, where the target's own face looks as it did in the key picture.
        facing: (h, w) float32 in 0..1, how well the key picture showed it.
    """

    pixels: Pixels
    mask: Mask
    alike: Mask
    facing: Mask


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a face is to be drawn.

    Attributes:
        box: around it, in the picture.
        pixels: (h, w, 3) uint8 RGB, what that shows.
        mesh: (468, 3) float32, the face in these pixels.
        oval: (h, w) float32 in 0..1, inside the face's outline.
        grid, raster: over the box, and the mesh on that grid.
    """

    box: Box
    pixels: Pixels
    mesh: Mesh
    oval: Mask
    grid: Grid
    raster: Raster

    @classmethod
    def of(cls, target: Image, mesh: Mesh) -> "_Place":
        box = Box.around(mesh, _MARGIN, target.pixels.shape)
        pixels, local, canonical = target.pixels[box.part], box.to_local(mesh), topology()
        grid = Grid.over(box.shape, Grid.step_for(face_width(mesh)))
        triangles = np.concatenate([canonical.triangles, canonical.closing])
        raster = rasterise(grid.locate(local), local[:, 2], triangles, (grid.width, grid.height))
        return cls(box, pixels, local, oval_mask(box.shape, local, _EDGE), grid, raster)

    @property
    def width(self) -> float:
        """Of the face, in the grid's pixels."""
        return face_width(self.mesh) / self.grid.step

    def mix(self, keys: list[tuple[KeyFace, float]]) -> Patch:
        """The faces of key pictures, each by its share and by how well it shows the place; the target's where none."""
        drawn = [(self._draw(key), share) for key, share in keys]
        weights = [
            share * (each.facing + _UNSEEN) ** 2 * (each.mask + _LEAST) * (each.alike + _LEAST) for each, share in drawn
        ]
        total = sum(weights)
        crop = sum((weight / total)[..., None] * each.pixels for weight, (each, _) in zip(weights, drawn, strict=True))
        shown = sum(share * each.mask for each, share in drawn)
        alike = np.maximum.reduce([each.alike for each, _ in drawn])
        mask = np.asarray(self.oval * shown * alike, np.float32)
        mixed = np.where(mask[..., None] > 0, np.clip(np.rint(crop), 0, 255), self.pixels).astype(np.uint8)
        nearest = max(keys, key=lambda pair: pair[1])[0]
        return Patch(mixed, self.box.affine, mask, nearest.warnings)

    def _draw(self, key: KeyFace) -> _Drawn:
        # How far a place is, and not where: alike on both sides of a triangle's edge, and 0 in the key picture itself.
        known = np.column_stack([key.mesh[:, :2] - self.mesh[:, :2], vertex_facing(key.mesh)]).astype(np.float32)
        found = extend_edges(self.raster.interpolate(known), self.raster.covered)
        full = self.grid.enlarge(found, self.box.shape)
        rows, columns = np.mgrid[: full.shape[0], : full.shape[1]].astype(np.float32)
        places, facing = np.stack([columns + full[..., 0], rows + full[..., 1]], 2), full[..., 2]
        mask = np.asarray(resample(key.mask, places), np.float32)
        made, own = resample(key.made, places, cubic=True), resample(key.own, places, cubic=True)
        was, now = self.grid.shrink(to_linear(own)), self.grid.shrink(to_linear(self.pixels))
        weight, sigma_px = self.grid.shrink(self.oval), _LIGHT_SIGMA * self.width
        # What came before the face is no change of light.
        inside = weight > 0.5
        gain = np.median(average(now)[inside] / np.maximum(average(was)[inside], _DARKEST**2)) if inside.any() else 1.0
        uncovered = self._compare(np.asarray(was * gain, np.float32), now, inside, _COVERED)
        ratio = light_ratio(was, now, np.asarray(weight * uncovered, np.float32), sigma_px)
        alike = self._compare(was * ratio, now, inside, _CHANGED)
        lit = to_srgb(to_linear(made) * self.grid.enlarge(ratio, self.box.shape))
        return _Drawn(lit, mask, self.grid.enlarge(alike, self.box.shape), facing)

    def _compare(self, was: Floats, now: Floats, inside: Choice, limits: tuple[float, float]) -> Mask:
        """(h, w) float32 in 0..1 on the grid, 1 where the target's own face looks alike; both in linear light."""
        one, other = (np.sqrt(np.maximum(average(light), 0)) for light in (was, now))
        middle = max(float(np.median(other[inside])) if inside.any() else 0.0, _DARKEST)
        apart = blur(np.asarray((one - other) / middle, np.float32), _CHANGE_SIGMA * self.width)
        alike = 1 - smooth_step(np.asarray((np.abs(apart) - limits[0]) / (limits[1] - limits[0]), np.float32))
        # Nostrils and lips are as dark as what may cover them.
        return np.asarray(cv2.morphologyEx(alike, cv2.MORPH_OPEN, disc(round(_ISLAND * self.width))), np.float32)


def _close(mask: Mask, width: float) -> Mask:
    """`mask` (h, w) without small holes and hard edges; where it is 0, both pictures of a key are the same anyway."""
    closed = cv2.morphologyEx(np.ascontiguousarray(mask), cv2.MORPH_CLOSE, disc(max(1, round(_HOLE * width))))
    return np.clip(blur(np.asarray(closed, np.float32), _HOLE * width / 2), 0, 1)


def _require_key(known: object) -> KeyFace:
    if not isinstance(known, KeyFace):
        raise TypeError("this is no face of a key picture")
    return known
