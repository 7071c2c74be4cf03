"""Reference → texture: the face unrolled onto the canonical mesh once, its hidden side made up from the other."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.engines.mesh.raster import grown, rasterise
from mien_pipeline.stages import topology as face
from mien_pipeline.stages.align import resample
from mien_pipeline.stages.light import blur, light_ratio, to_linear, to_srgb
from mien_pipeline.stages.mask import COVERED, disc, skin_mask, smooth_step
from mien_pipeline.stages.topology import face_width, topology
from mien_pipeline.types import Floats, Image, Pixels

# The texture is this much wider than the face in the reference, so that no detail is lost in unrolling it.
OVERSAMPLING = 1.5
SIDE_LIMITS_PX = (256, 1536)
MARGIN = 0.25  # face widths around the mesh in which skin is told from hair

# A side is taken from itself where its facing is at least this part of both sides' (squared); below, mirrored.
OWN_FROM, OWN_FULLY = 0.15, 0.40
_VALID_SHRINK, _VALID_FEATHER = 0.012, 0.012  # of the texture's side
_SEAM = 0.02  # of the texture's side: how softly own and mirrored skin meet
_STRAND_SIZE = (256, 256)  # strands of hair are looked for in a texture of this size
_STRAND, _STRAND_DARKER = 0.04, 0.16  # of the texture's side: their half width at most; how much darker than around
_STRAND_LENGTH, _STRAND_GROW = 0.06, 0.022  # of the texture's side: what is shorter is a wrinkle; the shadow thrown
_AMID_SKIN = 0.7  # this much of what surrounds a strand was seen as skin
_FOREHEAD = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300, 251, 284, 332, 297, 338, 10, 109, 67, 103, 54, 21)
_MAP_STEP = 4  # texture pixels per step of the map; linear between
_DEPTH_WIDTH_PX, _DEPTH_SLACK = 128, 0.04  # how finely, and by how many face widths, one part is before another
_LIGHT_WIDTH_PX = 192  # light between the sides is balanced at this size
_LIGHT_SIGMA = 0.08  # of the texture's side


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A face on the canonical mesh.

    Attributes:
        colour: (S, S, 3) uint8 RGB.
        validity: (S, S) uint8, 255 where it shows this person's skin and features, 0 where hair or nothing was seen.
    """

    colour: Pixels
    validity: Pixels


def unroll(reference: Image, mesh: Floats) -> Texture:
    """The texture of a (468, 3) mesh in a picture, completed from its mirror image."""
    pixels, local = _face_region(reference.pixels, mesh)
    side = int(np.clip(face_width(local) * OVERSAMPLING, *SIDE_LIMITS_PX)) // _MAP_STEP * _MAP_STEP
    places, facing = _map(local, side)
    inside = (places >= 0) & (places <= np.array(pixels.shape[1::-1]) - 1)
    skin = skin_mask(pixels, local, COVERED)  # an eye in doubt is better made up from the other
    seen = np.asarray(resample(skin, places) * inside.all(2), np.float32)
    return _completed(*_without_strands(resample(pixels, places, cubic=True), seen), facing)


def _face_region(pixels: Pixels, mesh: Floats) -> tuple[Pixels, Floats]:
    """The part of the picture around the mesh, no larger than the texture needs, and the mesh in it."""
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


def _map(mesh: Floats, side: int) -> tuple[Floats, Floats]:
    """(side, side, 2) picture coordinates of every texture pixel, and (side, side) how much it faces the viewer."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    grid = side // _MAP_STEP
    flat = rasterise(canonical.uv * grid - 0.5, np.zeros(468, np.float32), triangles, (grid, grid))
    facing = vertex_facing(mesh) * unobstructed(mesh)
    coarse = flat.interpolate(np.column_stack([mesh[:, :2], facing]).astype(np.float32))
    coarse = grown(coarse, flat.covered)
    fine = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.ascontiguousarray(fine[..., :2]), np.clip(fine[..., 2], 0, 1)


def _without_strands(colour: Pixels, seen: Floats) -> tuple[Pixels, Floats]:
    """Colour and what was seen of the face, when strands of hair amid skin are painted over and others not counted."""
    small = np.asarray(cv2.resize(colour, _STRAND_SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    strands = _strands(small)
    free = np.asarray(cv2.resize(seen, _STRAND_SIZE, interpolation=cv2.INTER_AREA), np.float32) * (1 - strands)
    reach = _STRAND * _STRAND_SIZE[0]
    around = blur(free, reach)
    amid = strands * (around > _AMID_SKIN * blur(1 - strands, reach)).astype(np.float32)
    paint = blur(np.asarray(small * free[..., None], np.float32), reach) / np.maximum(around, 1e-3)[..., None]
    share = np.minimum(2 * blur(amid, _STRAND_GROW * _STRAND_SIZE[0] / 2), 1)
    full = np.asarray(cv2.resize(np.dstack([paint, share, strands, amid]), colour.shape[1::-1]), np.float32)
    painted = colour + full[..., 3:4] * (full[..., :3] - colour)
    counted = seen + full[..., 4] * (full[..., 5] - seen)
    return np.clip(painted + 0.5, 0, 255).astype(np.uint8), counted.astype(np.float32)


def _strands(small: Pixels) -> Floats:
    """1 on long thin dark things across the forehead of a texture, hair and the shadow of a fringe; else 0."""
    lightness = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8)[..., 0]
    without = np.asarray(cv2.morphologyEx(lightness, cv2.MORPH_CLOSE, _disc(_STRAND)), np.float32)
    free = cv2.dilate(_filled(face.LEFT_BROW) | _filled(face.RIGHT_BROW), _disc(_STRAND_GROW)) == 0
    found = ((without - lightness) / (without + 8) > _STRAND_DARKER) & (_filled(_FOREHEAD) > 0) & free
    _, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    long = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) > _STRAND_LENGTH * _STRAND_SIZE[0]
    long[0] = False
    drawn = long[np.asarray(labels, np.int32)].astype(np.uint8)
    return np.asarray(cv2.dilate(drawn, _disc(_STRAND_GROW)) * free, np.float32)


def _disc(radius: float) -> Pixels:
    return disc(round(radius * _STRAND_SIZE[0]))


def _filled(vertices: tuple[int, ...]) -> Pixels:
    """1 inside a polygon of the texture, at the size at which strands are looked for; else 0."""
    filled = np.zeros(_STRAND_SIZE, np.uint8)
    outline = np.round(topology().uv[list(vertices)] * _STRAND_SIZE).astype(np.int32)
    cv2.fillPoly(filled, [outline], (255,))
    return filled


def vertex_facing(mesh: Floats) -> Floats:
    """(468,) cosine between each vertex's normal and the view, 0 when it is turned away."""
    triangles = topology().triangles
    a, b, c = (mesh[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    vertices = np.zeros((468, 3), np.float64)
    for corner in range(3):
        np.add.at(vertices, triangles[:, corner], normals)
    length = np.linalg.norm(vertices, axis=1)
    return np.asarray(np.clip(vertices[:, 2] / np.maximum(length, 1e-9), 0, 1), np.float32)


def unobstructed(mesh: Floats) -> Floats:
    """(468,) 0 for vertices that another part of the face hides, as the nose hides the far cheek, else 1."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    scale = _DEPTH_WIDTH_PX / face_width(mesh)
    points = ((mesh[:, :2] - mesh[:, :2].min(0)) * scale + 1).astype(np.float32)
    width, height = (int(edge) + 2 for edge in points.max(0))
    front = rasterise(points, mesh[:, 2], triangles, (width, height)).interpolate(mesh[:, 2:])[..., 0]
    columns, rows = np.round(points).astype(int).T
    hidden = mesh[:, 2] > front[rows, columns] + _DEPTH_SLACK * face_width(mesh)
    return np.asarray(~hidden, np.float32)


def _completed(colour: Pixels, seen: Floats, facing: Floats) -> Texture:
    """Each side as far as it was seen, the rest from the other side with its light evened out."""
    side = colour.shape[0]
    clear = facing * seen
    mirrored = clear[:, ::-1]
    share = clear**2 / np.maximum(clear**2 + mirrored**2, 1e-6)
    own = smooth_step(np.asarray((share - OWN_FROM) / (OWN_FULLY - OWN_FROM), np.float32))
    # Softened towards what was seen only: a blur alone would let the unseen back in.
    own = np.minimum(own, smooth_step(2 * blur(own, _SEAM * side) - 0.5))
    validity = own * seen + (1 - own) * np.minimum(seen[:, ::-1], mirrored > 0)
    if float(own[seen > 0.5].min()) > 0.999:
        return Texture(colour, _bytes(_shrunk(validity)))
    light = to_linear(colour)
    other = np.ascontiguousarray(light[:, ::-1])
    balanced = other * _balance(other, light, np.minimum(clear, mirrored))
    mixed = own[..., None] * light + (1 - own[..., None]) * balanced
    return Texture(to_srgb(mixed.astype(np.float32)), _bytes(_shrunk(validity)))


def _shrunk(validity: Floats) -> Floats:
    """`validity` drawn back a little and softened: where skin meets hair there is the hair's shadow."""
    side = validity.shape[0]
    inner = cv2.erode(validity, disc(max(1, round(_VALID_SHRINK * side))))
    return smooth_step(2 * blur(np.asarray(inner, np.float32), _VALID_FEATHER * side) - 0.8)


def _balance(source: Floats, target: Floats, weight: Floats) -> Floats:
    """Full-size factor that gives `source` the light of `target`, learnt where both were seen."""
    size = (_LIGHT_WIDTH_PX, _LIGHT_WIDTH_PX)
    small = [np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32) for part in (source, target)]
    ratio = light_ratio(
        small[0],
        small[1],
        np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32),
        _LIGHT_SIGMA * _LIGHT_WIDTH_PX,
    )
    return np.asarray(cv2.resize(ratio, source.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _bytes(values: Floats) -> Pixels:
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
