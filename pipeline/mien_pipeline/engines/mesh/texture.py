"""Reference → texture: the face unrolled onto the canonical mesh once, its hidden side taken from the other."""

import math
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.engines.mesh.bare_skin import clear_skin, forehead_mask
from mien_pipeline.engines.mesh.beard import draw_lower_face, find_hair, hangs_over_lips
from mien_pipeline.engines.mesh.brows import find_foreign_brows, take_brows_whole
from mien_pipeline.engines.mesh.hidden import find_hidden_eye
from mien_pipeline.engines.mesh.lamps import even_out
from mien_pipeline.engines.mesh.lost_lips import draw_lips, draw_lost_lips
from mien_pipeline.engines.mesh.rims import paint_over_glasses
from mien_pipeline.engines.mesh.shaving import Beard, shave
from mien_pipeline.engines.mesh.sidelight import find_deep_shade, remove_side_light
from mien_pipeline.engines.mesh.strands import find_curled_half, find_strands
from mien_pipeline.engines.mesh.unseen import has_dark_chin, is_bearded, measure_mottled, measure_painted_over
from mien_pipeline.engines.mesh.veil import Veil, find_veil, take_off_veil
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.facing import vertex_facing, vertex_visibility
from mien_pipeline.faces.raster import extend_edges, rasterise
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Image, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.covers import Feature
from mien_pipeline.skin.eyewear import find_behind_glasses
from mien_pipeline.skin.light import blur, light_ratio
from mien_pipeline.skin.mask import COVERED, disc, skin_mask, smooth_step

# The texture is so much wider than the face in the reference, so that unrolling loses no detail.
OVERSAMPLING = 1.5
# A smaller face gets the texture averaged down to so many times its width: with more it is sharper than its picture,
# with less likeness falls. What is larger by less than FINER is left as it is.
MIP, FINER = 1.75, 1.2
SIDE_LIMITS_PX = (256, 1536)
MARGIN = 0.25  # face widths around the mesh that `skin_mask` sees

# A side shows itself where its facing is at least this part of both sides' (squared); below, it shows the other.
OWN_FROM, OWN_FULLY = 0.15, 0.40
_ISLAND = 0.022  # of the texture's side: radius of what is mirrored at least; beside a nose less would be a blob
_OWN_FIRST, _CLEAR = 0.2, 0.3  # facing that the side's own picture is given where neither side has this much
_VALID_SHRINK, _VALID_FEATHER = 0.012, 0.012  # of the texture's side
HIDDEN = 0.01  # share of a face: less than this that is no skin is the edge of a mask
_SKIN_SHRINK, _SKIN_FEATHER = 0.015, 0.012  # of the texture's side, where only bare skin is used
_SEAM = 0.02  # of the texture's side, over which own skin fades into mirrored
_FOREHEAD_FEATHER = 0.03  # of the texture's side
# Near the outline, what faces the viewer less than the first on both sides may be an ear, or what is behind the head.
_GRAZING, _GRAZING_SEEN, _NEAR_OUTLINE = 0.14, 0.34, 0.1  # the last of the texture's side
_JAW_FACES, _JAW_FACES_FULLY = 0.25, 0.5  # what hardly faces the viewer may be what is behind the head
_LIT_FACING = 0.3  # what faces the viewer less tells nothing of the light: it may be hair or background
_MADE_UP, _PAINTED_OVER = 0.9, 0.95  # how much less a place is seen that was made up, or painted over
_PAINTED = 3  # code values by which paint over a rim differs from it
_BEHIND = 0.25  # share of what a frame hides, from which paint over it hardly shows
_MIDDLE = 0.02  # of the texture's side to either side of its middle, which counts as seen where half is hidden
# Texture pixels to one of the map, which is interpolated between. The map has 192 pixels a side or more: with half as
# many the outline of lips had bumps, where the triangles are small.
_MAP_STEP, _MAP_SIDE = 4, 192
_LIGHT_WIDTH_PX = 192  # light between the sides is balanced at this size
_LIGHT_SIGMA = 0.08  # of the texture's side


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A face on the canonical mesh.

    Attributes:
        colour: (S, S, 3) uint8 RGB.
        validity: (S, S) uint8, 255 where it shows this person's face, beard included, 0 where hair or nothing was seen.
        skin: (S, S) uint8, 255 where that is bare skin, whose colour tells the light.
        glasses: whether the reference wears some; their rims are painted over.
        painted_over: 0..1, see `unseen.measure_painted_over`.
        rims: 0..1, what of that are rims of glasses.
        mottled: see `unseen.measure_mottled`.
        beard: the hair that was taken off it.
        resolved_px: the width of a sharp face with as much detail, see `clarity.resolved_width`.
        faint_eyes: see `hidden.has_faint_eyes`.
    """

    colour: Pixels
    validity: Pixels
    skin: Pixels
    glasses: bool = False
    painted_over: float = 0.0
    rims: float = 0.0
    mottled: float = 0.0
    beard: Beard | None = None
    resolved_px: float = math.inf
    faint_eyes: bool = False

    @property
    def face_width(self) -> float:
        """The pixels of a face's width that it has detail for."""
        return float(self.colour.shape[0] / OVERSAMPLING)

    def keep_skin(self) -> "Texture":
        """The texture of which nothing is used but bare skin and features, with soft edges inside them.

        Itself where nothing hides its skin: a beard is the person's own.
        """
        if self.painted_over - self.rims < HIDDEN:
            return self
        side = self.colour.shape[0]
        bare = np.maximum(self.skin, self.beard.shaven) if self.beard else self.skin
        inner = cv2.erode(np.minimum(self.validity, bare), disc(max(1, round(_SKIN_SHRINK * side))))
        soft = blur(np.asarray(inner, np.float32), _SKIN_FEATHER * side)
        validity = np.minimum(self.validity, soft.astype(np.uint8))
        return replace(self, validity=validity, painted_over=self.rims, mottled=measure_mottled(self.colour, validity))

    def fit(self, width: float) -> "Texture":
        """The texture averaged down for a face that is `width` pixels wide, or it would be sharper than its picture."""
        side = max(8, round(width * MIP))
        if side * FINER >= self.colour.shape[0]:
            return self
        colour, validity, skin = (
            np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
            for part in (self.colour, self.validity, self.skin)
        )
        return replace(self, colour=colour, validity=validity, skin=skin, beard=self.beard and self.beard.fit(side))

    def shave(self, hair: Mask | None) -> "Texture":
        """The texture with its beard as a layer of its own; `hair` (SIDE, SIDE) is where it grows, None without one."""
        if hair is None:
            return self
        colour, beard = shave(self.colour, self.validity, hair)
        validity, skin = np.maximum(self.validity, beard.shaven), np.minimum(self.skin, 255 - beard.shaven)
        return replace(self, colour=colour, validity=validity, skin=skin, beard=beard)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What one picture shows of a face, or several do, on the canonical mesh; each mask (S, S) float32 in 0..1.

    Attributes:
        colour: (S, S, 3) uint8 RGB.
        seen: where it shows this person's face, beard included; a made-up forehead counts.
        skin: where that is bare skin.
        made: where it was made up because hair hides it.
        covered: where rims of glasses were painted over.
        facing: how much the surface faces the viewer; 0 where another part hides it.
        glasses: whether the person wears some.
        half_hidden: whether hair, a hand or deep shade hides one eye; that half counts as unseen.
        hair: see `beard.find_hair`.
        veil: the one that was taken off the picture that eyes are from.
    """

    colour: Pixels
    seen: Mask
    skin: Mask
    made: Mask
    covered: Mask
    facing: Mask
    glasses: bool = False
    half_hidden: bool = False
    hair: Mask | None = None
    veil: Veil | None = None

    @property
    def clear(self) -> Mask:
        """(S, S) 0..1: how well each place is seen, less where it was made up or painted over."""
        lost = (1 - _MADE_UP * self.made) * (1 - _PAINTED_OVER * self.covered)
        return np.asarray(self.facing * self.seen * lost, np.float32)


def unroll(reference: Image, mesh: Mesh) -> Texture:
    """The texture of a face, completed from its mirror image; `mesh` is (468, 3) in the picture's pixels."""
    return complete(read_view(reference, mesh, texture_side(mesh)))


def texture_side(mesh: Mesh) -> int:
    """The side of the texture that loses no detail of a face whose (468, 3) mesh is in its picture's pixels."""
    return int(np.clip(face_width(mesh) * OVERSAMPLING, *SIDE_LIMITS_PX)) // _MAP_STEP * _MAP_STEP


def read_view(reference: Image, mesh: Mesh, side: int, before: Pixels | None = None) -> View:
    """What a picture shows of a face; `mesh` is (468, 3) in its pixels, `side` the texture's, a multiple of 4.

    `before` (H, W) uint8 is 255 on hands that hide the face: that counts as unseen.
    """
    pixels, local = _cut_region(reference.pixels, mesh)
    places, facing = _map_texture(local, side)
    shaded = find_deep_shade(np.asarray(resample(pixels, places), np.uint8), facing)
    pixels = even_out(pixels, local)
    as_taken, veil = pixels, find_veil(pixels, local)
    hidden = find_curled_half(np.asarray(resample(pixels, places), np.uint8), facing) or find_hidden_eye(pixels, local)
    pixels, glasses = (pixels, False) if hidden else paint_over_glasses(pixels, local)  # hair crosses like a bar
    inside = (places >= 0) & (places <= np.array(pixels.shape[1::-1]) - 1)
    halves = _half_seen(side, hidden, _MIDDLE) & _half_seen(side, shaded, 0)
    shown = np.asarray(inside.all(2) & halves, np.float32)
    if before is not None:
        hidden_by_hands = resample(before, _map_texture(mesh, side)[0]).astype(np.float32) / 255
        shown = np.asarray(shown * (1 - hidden_by_hands), np.float32)
    facing = facing * shown
    behind = resample(find_behind_glasses(as_taken, local), places) if glasses else np.zeros((side, side), np.float32)
    bare = skin_mask(pixels, local, COVERED)  # of two eyes, a doubtful one is better taken from the other
    skin = np.asarray(resample(bare, places) * shown, np.float32)
    colour = np.asarray(resample(pixels, places, cubic=True), np.uint8)
    # Beard is the person's own; before a chin without one, what is no skin is a mask, a hand or hair.
    hair = None if hidden or before is not None else find_hair(pixels, local)
    bearded = hair is not None or has_dark_chin(colour, skin)
    beard = draw_lower_face(side) * bearded
    strands = find_strands(colour, draw_lower_face(side), bearded=bearded, glasses=glasses)
    skin = np.asarray(skin * (1 - strands), np.float32)
    foreign = find_foreign_brows(colour, skin)
    grown = is_bearded(colour, np.maximum(skin, 1 - shown))
    colour, made = clear_skin(colour, skin, shown, bearded=grown, beard=hair)
    colour = remove_side_light(colour, skin * (facing > _LIT_FACING))
    faces_us = smooth_step((facing - _JAW_FACES) / (_JAW_FACES_FULLY - _JAW_FACES))
    own = np.maximum(skin, np.maximum(made, beard * shown * faces_us)).astype(np.float32)
    painted = np.asarray((cv2.absdiff(pixels, as_taken).max(2) > _PAINTED).astype(np.float32))
    covered = np.asarray(resample(painted, places) * (behind < _BEHIND), np.float32)
    # What a frame hides stays the target's: paint would be a smear, and a brow that it meets is not told from it.
    own = np.asarray(own * (1 - np.maximum(behind, foreign)), np.float32)
    if hair is not None and hangs_over_lips(pixels, local):
        own = np.asarray(own * (1 - draw_lips(side)), np.float32)
    colour = take_off_veil(colour, veil)
    return View(colour, own, skin, made, covered, facing, glasses, hidden is not None, hair, veil)


def _half_seen(side: int, hidden: Feature | None, middle: float) -> NDArray[np.bool_]:
    """(1, side) True on the halves of a texture of which no eye is hidden, and up to `middle` from the other half."""
    across = (np.arange(side) + 0.5) / side - 0.5
    aside = {"left eye": across < -middle, "right eye": across > middle}
    return ~aside[hidden][None] if hidden in aside else np.ones((1, side), np.bool_)


@cache
def _inner_face_mask(side: int) -> Mask:
    """(side, side) float32 in 0..1: 1 well inside the outline, where nostrils and lips may turn away."""
    small = cv2.erode(fill_texture(face.OVAL), disc(round(_NEAR_OUTLINE * WORK_SIDE)))
    return np.asarray(cv2.resize(blur(small.astype(np.float32), 3), (side, side)), np.float32)


def _cut_region(pixels: Pixels, mesh: Mesh) -> tuple[Pixels, Mesh]:
    """The picture around the mesh, scaled down to what the texture needs, and the mesh in its pixels."""
    margin = MARGIN * face_width(mesh)
    low = np.maximum(np.floor(mesh[:, :2].min(0) - margin).astype(int), 0)
    high = np.minimum(np.ceil(mesh[:, :2].max(0) + margin).astype(int), [pixels.shape[1], pixels.shape[0]])
    region = pixels[low[1] : high[1], low[0] : high[0]]
    local = (mesh - np.array([low[0], low[1], 0])).astype(np.float32)
    scale = SIDE_LIMITS_PX[1] / OVERSAMPLING / face_width(mesh)
    if scale >= 1:
        return region, local
    size = round(region.shape[1] * scale), round(region.shape[0] * scale)
    smaller = np.asarray(cv2.resize(region, size, interpolation=cv2.INTER_AREA), np.uint8)
    local[:, :2] = (local[:, :2] + 0.5) * scale - 0.5
    local[:, 2] *= scale
    return smaller, local


def _map_texture(mesh: Floats, side: int) -> tuple[Floats, Floats]:
    """(side, side, 2) picture coordinates of every texture pixel, and (side, side) how much it faces the viewer."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    grid = side // _MAP_STEP
    while grid < _MAP_SIDE:
        grid *= 2
    flat = rasterise(canonical.uv * grid - 0.5, np.zeros(468, np.float32), triangles, (grid, grid))
    facing = vertex_facing(mesh) * vertex_visibility(mesh)
    coarse = flat.interpolate(np.column_stack([mesh[:, :2], facing]).astype(np.float32))
    coarse = extend_edges(coarse, flat.covered)
    fine = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.ascontiguousarray(fine[..., :2]), np.clip(fine[..., 2], 0, 1)


def complete(view: View) -> Texture:
    """Each side as far as the picture shows it, the rest from the other side in this side's light."""
    colour, seen, skin, made, facing, glasses = (
        view.colour, view.seen, view.skin, view.made, view.facing, view.glasses)  # fmt: skip
    side = colour.shape[0]
    clear = facing * seen
    mirrored = clear[:, ::-1]
    # Where neither side faces the viewer, as under the nose, own picture wins: chance would mix two nostrils.
    unclear = 1 - smooth_step(np.asarray(np.maximum(clear, mirrored) / _CLEAR - 1, np.float32))
    favoured = clear + _OWN_FIRST * unclear * (seen > 0)
    share = favoured**2 / np.maximum(favoured**2 + mirrored**2, 1e-6)
    own = smooth_step(np.asarray((share - OWN_FROM) / (OWN_FULLY - OWN_FROM), np.float32))
    own = np.maximum(own, _close(own, _ISLAND) * (seen > 0))
    # Softened only where both were seen: a blur alone would let the unseen back in.
    own = np.where(mirrored > 0, np.minimum(own, smooth_step(2 * blur(own, _SEAM * side) - 0.5)), own)
    own = take_brows_whole(own, view.clear)
    validity = own * seen + (1 - own) * np.minimum(seen[:, ::-1], mirrored > 0)
    grazing = smooth_step(np.asarray((np.maximum(clear, mirrored) - _GRAZING) / (_GRAZING_SEEN - _GRAZING), np.float32))
    validity = validity * np.maximum(grazing, _inner_face_mask(side))
    plain = np.maximum(skin, made)
    bare = _to_bytes(own * plain + (1 - own) * plain[:, ::-1])
    used = _shrink(validity)
    shown = _to_bytes(used * (1 - draw_lost_lips(used)))
    lost, rims = (measure_painted_over(colour, part, bare, view.covered) for part in (shown, bare))
    if float(own[seen > 0.5].min()) > 0.999:
        return Texture(colour, shown, bare, glasses, lost, rims, measure_mottled(colour, shown)).shave(view.hair)
    light = to_linear(colour)
    other = np.ascontiguousarray(light[:, ::-1])
    balanced = other * _balance(other, light, np.minimum(facing * skin, (facing * skin)[:, ::-1]))
    mixed = to_srgb((own[..., None] * light + (1 - own[..., None]) * balanced).astype(np.float32))
    return Texture(mixed, shown, bare, glasses, lost, rims, measure_mottled(mixed, shown)).shave(view.hair)


def _close(own: Mask, reach: float) -> Mask:
    """(S, S) `own` without the holes that a disc of radius `reach`, of the side, does not fit into."""
    small = np.asarray(cv2.resize(own, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA), np.float32)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, disc(round(reach * WORK_SIDE)))
    return np.asarray(cv2.resize(closed, own.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _shrink(validity: Mask) -> Mask:
    """`validity` with softer edges a little further in: beside hair, skin shows the hair's shadow."""
    side = validity.shape[0]
    inner = np.asarray(cv2.erode(validity, disc(max(1, round(_VALID_SHRINK * side)))), np.float32)
    soft = smooth_step(2 * blur(inner, _VALID_FEATHER * side) - 0.8)
    # A forehead has no features to lose: another face's skin may begin slowly there.
    oval, plain = (
        np.asarray(cv2.resize(part.astype(np.float32), (side, side)), np.float32)
        for part in (fill_texture(face.OVAL), forehead_mask())
    )
    slow = smooth_step(2 * blur(inner * oval, _FOREHEAD_FEATHER * side) - 1)
    return np.asarray(np.minimum(soft, slow + (1 - plain)), np.float32)


def _balance(source: Floats, target: Floats, weight: Mask) -> Floats:
    """(S, S, 3) factor that gives `source` the light of `target`, learnt where the picture shows both."""
    size = (_LIGHT_WIDTH_PX, _LIGHT_WIDTH_PX)
    small = [np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32) for part in (source, target)]
    ratio = light_ratio(
        small[0],
        small[1],
        np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32),
        _LIGHT_SIGMA * _LIGHT_WIDTH_PX,
    )
    return np.asarray(cv2.resize(ratio, source.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _to_bytes(values: Mask) -> Pixels:
    """0..1 → 0..255."""
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
