"""Reference → texture: the face unrolled onto the canonical mesh once, its hidden side taken from the other."""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.raster import extend_edges, rasterise
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Image, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.glasses import crosses_bridge, glasses_mask
from mien_pipeline.skin.light import blur, light_ratio
from mien_pipeline.skin.mask import COVERED, disc, skin_mask, smooth_step

# The texture is so much wider than the face in the reference, so that unrolling loses no detail.
OVERSAMPLING = 1.5
SIDE_LIMITS_PX = (256, 1536)
MARGIN = 0.25  # face widths around the mesh that `skin_mask` sees

# A side shows itself where its facing is at least this part of both sides' (squared); below, it shows the other.
OWN_FROM, OWN_FULLY = 0.15, 0.40
_VALID_SHRINK, _VALID_FEATHER = 0.012, 0.012  # of the texture's side
_SEAM = 0.02  # of the texture's side, over which own skin fades into mirrored
_FOREHEAD_SIZE = (256, 256)  # of the texture in which the forehead is cleared
_BARE = 0.2  # of the forehead that must be bare for the rest to be guessed from it
_SURFACE_ROUNDS = 8
_SHADOW, _SHADOW_DARKER = 0.012, 0.1  # its width, of the texture's side; how much darker it is than bare skin
_OFF_BROWS = 0.015  # of the texture's side
_FOREHEAD_FEATHER = 0.03  # of the texture's side
_FOREHEAD = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300, 251, 284, 332, 297, 338, 10, 109, 67, 103, 54, 21)
_RIM_SHADOW, _RIM_REACH = 0.008, 0.03  # face widths: of shadow beside a rim; of skin from which it is painted over
_MAP_STEP = 4  # texture pixels to one of the map, which is interpolated between
_DEPTH_WIDTH_PX, _DEPTH_SLACK = 128, 0.04  # of a face as depths are compared; face widths by which a part hides another
_LIGHT_WIDTH_PX = 192  # light between the sides is balanced at this size
_LIGHT_SIGMA = 0.08  # of the texture's side


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A face on the canonical mesh.

    Attributes:
        colour: (S, S, 3) uint8 RGB.
        validity: (S, S) uint8, 255 where it shows this person's skin and features, 0 where hair or nothing was seen.
        glasses: whether the reference wears some; their rims are painted over.
    """

    colour: Pixels
    validity: Pixels
    glasses: bool = False


def unroll(reference: Image, mesh: Mesh) -> Texture:
    """The texture of a face, completed from its mirror image; `mesh` is (468, 3) in the picture's pixels."""
    pixels, local = _cut_region(reference.pixels, mesh)
    side = int(np.clip(face_width(local) * OVERSAMPLING, *SIDE_LIMITS_PX)) // _MAP_STEP * _MAP_STEP
    places, facing = _map_texture(local, side)
    inside = (places >= 0) & (places <= np.array(pixels.shape[1::-1]) - 1)
    pixels, glasses = _paint_over_glasses(pixels, local)
    skin = skin_mask(pixels, local, COVERED)  # of two eyes, a doubtful one is better taken from the other
    seen = np.asarray(resample(skin, places) * inside.all(2), np.float32)
    return replace(
        _complete(_clear_forehead(resample(pixels, places, cubic=True), seen), seen, facing), glasses=glasses
    )


def _paint_over_glasses(pixels: Pixels, mesh: Mesh) -> tuple[Pixels, bool]:
    """The picture with the rims of glasses painted over from the skin beside them, and whether there were any."""
    frame = glasses_mask(pixels, mesh) if crosses_bridge(pixels, mesh) else np.zeros(pixels.shape[:2], np.float32)
    if not frame.any():
        return pixels, False
    width = face_width(mesh)
    over = cv2.dilate((frame > 0.1).astype(np.uint8), disc(max(1, round(_RIM_SHADOW * width))))
    return np.asarray(cv2.inpaint(pixels, over, _RIM_REACH * width, cv2.INPAINT_TELEA), np.uint8), True


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
    flat = rasterise(canonical.uv * grid - 0.5, np.zeros(468, np.float32), triangles, (grid, grid))
    facing = vertex_facing(mesh) * vertex_visibility(mesh)
    coarse = flat.interpolate(np.column_stack([mesh[:, :2], facing]).astype(np.float32))
    coarse = extend_edges(coarse, flat.covered)
    fine = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.ascontiguousarray(fine[..., :2]), np.clip(fine[..., 2], 0, 1)


def _clear_forehead(colour: Pixels, seen: Mask) -> Pixels:
    """`colour` with a clear forehead: strands of hair and the shadow of a fringe are painted over.

    Bare skin varies slowly there. A surface of second degree is fitted to the lighter part of what was seen, and what
    is darker than it gets its colour. Wrinkles are too narrow to count.
    """
    small = np.asarray(cv2.resize(colour, _FOREHEAD_SIZE, interpolation=cv2.INTER_AREA), np.float32)
    asked = _forehead_mask()
    bare = asked & (cv2.resize(seen, _FOREHEAD_SIZE, interpolation=cv2.INTER_AREA) > 0.5)
    if np.count_nonzero(bare) < _BARE * np.count_nonzero(asked):
        return colour
    skin = _fit_surface(small, bare)
    below = 1 - small.mean(2) / np.maximum(skin.mean(2), 1)
    wide = blur(np.asarray(np.maximum(below, 0) * asked, np.float32), _SHADOW * _FOREHEAD_SIZE[0])
    share = smooth_step((wide / _SHADOW_DARKER - 0.5).astype(np.float32)) * asked
    share = blur(np.asarray(cv2.dilate(share, _disc(_SHADOW)), np.float32), _SHADOW * _FOREHEAD_SIZE[0])
    full = np.asarray(cv2.resize(np.dstack([skin, share]), colour.shape[1::-1]), np.float32)
    return np.asarray(np.clip(colour + full[..., 3:] * (full[..., :3] - colour) + 0.5, 0, 255), np.uint8)


def _fit_surface(colour: Floats, bare: NDArray[np.bool_]) -> Floats:
    """(H, W, 3) polynomial of second degree, fitted to the lighter part of what is `bare`."""
    y, x = (np.mgrid[: colour.shape[0], : colour.shape[1]] / colour.shape[0] - 0.5).astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 2)
    known, values = terms[bare], colour[bare]
    fitted = np.linalg.lstsq(known, values, rcond=None)[0]
    for _ in range(_SURFACE_ROUNDS):
        above = (values - known @ fitted).mean(1, keepdims=True) / np.maximum(
            (known @ fitted).mean(1, keepdims=True), 1
        )
        weight = np.exp(-((np.where(above < 0, 2 * above, above) / _SHADOW_DARKER) ** 2)).astype(np.float32)
        fitted = np.linalg.lstsq(known * weight, values * weight, rcond=None)[0]
    return np.asarray(terms @ fitted, np.float32)


@cache
def _forehead_mask() -> NDArray[np.bool_]:
    """(256, 256) True on the forehead of a texture of _FOREHEAD_SIZE, without its brows."""
    brows = cv2.dilate(_fill(face.LEFT_BROW) | _fill(face.RIGHT_BROW), _disc(_OFF_BROWS))
    return np.asarray((_fill(_FOREHEAD) > 0) & (brows == 0))


def _disc(radius: float) -> Pixels:
    """A disc of `radius`, of the texture's side, at the size at which the forehead is cleared."""
    return disc(round(radius * _FOREHEAD_SIZE[0]))


def _fill(vertices: tuple[int, ...]) -> Pixels:
    """(256, 256) 1 inside a polygon of the texture, at the size at which its forehead is cleared; else 0."""
    filled = np.zeros(_FOREHEAD_SIZE, np.uint8)
    outline = np.round(topology().uv[list(vertices)] * _FOREHEAD_SIZE).astype(np.int32)
    cv2.fillPoly(filled, [outline], (1,))
    return filled


def vertex_facing(mesh: Mesh) -> Floats:
    """(468,) float32, cosine between each vertex's normal and the view of a (468, 3) mesh; 0 where turned away."""
    triangles = topology().triangles
    a, b, c = (mesh[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    vertices = np.zeros((468, 3), np.float64)
    for corner in range(3):
        np.add.at(vertices, triangles[:, corner], normals)
    length = np.linalg.norm(vertices, axis=1)
    return np.asarray(np.clip(vertices[:, 2] / np.maximum(length, 1e-9), 0, 1), np.float32)


def vertex_visibility(mesh: Mesh) -> Floats:
    """(468,) float32, 0 for vertices of a (468, 3) mesh that another part hides, as the nose hides a cheek; else 1."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    scale = _DEPTH_WIDTH_PX / face_width(mesh)
    points = ((mesh[:, :2] - mesh[:, :2].min(0)) * scale + 1).astype(np.float32)
    width, height = (int(edge) + 2 for edge in points.max(0))
    front = rasterise(points, mesh[:, 2], triangles, (width, height)).interpolate(mesh[:, 2:])[..., 0]
    columns, rows = np.round(points).astype(int).T
    hidden = mesh[:, 2] > front[rows, columns] + _DEPTH_SLACK * face_width(mesh)
    return np.asarray(~hidden, np.float32)


def _complete(colour: Pixels, seen: Mask, facing: Mask) -> Texture:
    """Each side as far as the picture shows it, the rest from the other side in this side's light."""
    side = colour.shape[0]
    clear = facing * seen
    mirrored = clear[:, ::-1]
    share = clear**2 / np.maximum(clear**2 + mirrored**2, 1e-6)
    own = smooth_step(np.asarray((share - OWN_FROM) / (OWN_FULLY - OWN_FROM), np.float32))
    # Softened only towards what was seen: a blur alone would let the unseen back in.
    own = np.minimum(own, smooth_step(2 * blur(own, _SEAM * side) - 0.5))
    validity = own * seen + (1 - own) * np.minimum(seen[:, ::-1], mirrored > 0)
    if float(own[seen > 0.5].min()) > 0.999:
        return Texture(colour, _to_bytes(_shrink(validity)))
    light = to_linear(colour)
    other = np.ascontiguousarray(light[:, ::-1])
    balanced = other * _balance(other, light, np.minimum(clear, mirrored))
    mixed = own[..., None] * light + (1 - own[..., None]) * balanced
    return Texture(to_srgb(mixed.astype(np.float32)), _to_bytes(_shrink(validity)))


def _shrink(validity: Mask) -> Mask:
    """`validity` with softer edges a little further in: beside hair, skin shows the hair's shadow."""
    side = validity.shape[0]
    inner = np.asarray(cv2.erode(validity, disc(max(1, round(_VALID_SHRINK * side)))), np.float32)
    soft = smooth_step(2 * blur(inner, _VALID_FEATHER * side) - 0.8)
    # A forehead has no features to lose: another face's skin may begin slowly there.
    oval, plain = (
        np.asarray(cv2.resize(part.astype(np.float32), (side, side)), np.float32)
        for part in (_fill(face.OVAL), _forehead_mask())
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
