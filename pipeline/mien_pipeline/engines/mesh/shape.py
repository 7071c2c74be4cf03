"""Where the new face's vertices go: the target's pose and expression with the reference's shape."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import RIGID, face_width, inter_ocular, rigid_transform, topology
from mien_pipeline.image import Floats

# Start values measured on 54 pairs of portraits: identity gained against vertices moved.
MOUTH_DETAIL = 0.6  # how much of the reference's lip shape beyond the mouth's place; more changes the expression
EYE_DETAIL = 0.5  # how much of the reference's lid shape, when both eyes are equally open
EYE_WIDTH_LIMITS = (0.8, 1.25)
OPENNESS_SCALE = 0.1  # of an eye's width: lids that differ by this much are another expression, not another shape
MOUTH_OPEN_SCALE = 0.25  # the same for the mouth, of its width
MOUTH_WIDTH_SCALE = 0.08  # of the face's width: a smile widens a mouth by about so much
CLOSED, OPEN = 0.05, 0.1  # openness up to which a mouth is a line, and from which it shows teeth
# By how much more a reference may be open for its smile to be drawn on closed lips, and from where it is not at all:
# on two portraits a smile was worth .06 of likeness, and a grin made a band of stretched lip.
SMILE, GRIN = 0.12, 0.22
SMOOTHING_PASSES = 3
_ROUNDS, _STRAY = 3, 0.02  # of averaging meshes; face widths from the mean at which a vertex counts half
MEAN_MOVE_LIMIT = 0.022  # of the distance between the eyes: a mesh that moves further loses the target's expression


def blend_shape(target: Mesh, reference: Mesh, amount: float) -> Mesh:
    """The target's mesh moved `amount` of the way to the reference's shape, (468, 3) float32 in the target's frame.

    Both are levelled and made symmetric, and the reference is laid onto the target on vertices that expression hardly
    moves. What differs then is shape, except around the eyes and the mouth, where it is mostly expression: there the
    region moves as a whole.

    Args:
        target: (468, 3) float32.
        reference: (468, 3) float32, in any frame.
        amount: 0..1; less is taken where MEAN_MOVE_LIMIT would be passed.
    """
    rotation, scale, shift = _fit_pose(target)
    level = np.asarray((target - shift) @ rotation / scale, np.float32)
    own, other = _symmetrise(level), _symmetrise(_level(reference))
    turn, size, move = rigid_transform(other[list(RIGID)], own[list(RIGID)])
    posed = (size * other @ turn.T + move).astype(np.float32)
    offset = _smooth(posed - own)
    for ring in (face.LEFT_EYE, face.RIGHT_EYE):
        offset = _mix(offset, _eye_offset(own, posed, ring), _fall_off(ring))
    offset = _mix(offset, _mouth_offset(own, posed), _fall_off(face.OUTER_LIPS + face.INNER_LIPS))
    reach = float(np.linalg.norm(offset[:, :2], axis=1).mean()) / inter_ocular(own)
    amount = min(amount, MEAN_MOVE_LIMIT / max(reach, 1e-6))
    return (target + amount * scale * offset @ rotation.T).astype(np.float32)


def average_shape(meshes: Sequence[Mesh], first: Mesh) -> Mesh:
    """One shape of several (468, 3) meshes of a person, level; `first` itself where there is no other.

    Meshes with a closed mouth count for more, and a vertex that lies far from where the others have it for less. Eyes
    and mouth are where all have them, and as open and as wide as in `first`, whose texture they show.
    """
    if len(meshes) == 1:
        return first
    level = np.stack([_level(mesh) for mesh in meshes])
    calm = np.array([math.exp(-((mouth_openness(mesh) / MOUTH_OPEN_SCALE) ** 2)) + 0.05 for mesh in meshes])
    weight = np.broadcast_to(calm[:, None], level.shape[:2])
    mean = level[0]
    for _ in range(_ROUNDS):
        mean = (level * weight[..., None]).sum(0) / weight.sum(0)[:, None]
        weight = calm[:, None] / (1 + (np.linalg.norm(level - mean, axis=2) / _STRAY) ** 2)
    own = _level(first)
    for ring in (face.LEFT_EYE, face.RIGHT_EYE, face.OUTER_LIPS):
        members = list(ring)
        placed = own - own[members].mean(0) + mean[members].mean(0)
        share = _fall_off(ring + face.INNER_LIPS if ring == face.OUTER_LIPS else ring)
        mean = mean + share[:, None] * (placed - mean)
    return np.asarray(mean, np.float32)


def measure_grimaces(meshes: Sequence[Mesh]) -> Floats:
    """(N,) how far lids, brows and lips of each (468, 3) mesh are from the median of all, in face widths."""
    members = list(face.LEFT_EYE + face.RIGHT_EYE + face.LEFT_BROW + face.RIGHT_BROW + face.OUTER_LIPS)
    level = np.stack([_symmetrise(_level(mesh))[members] for mesh in meshes])
    return np.asarray(np.linalg.norm(level - np.median(level, 0), axis=2).mean(1), np.float32)


def _fit_pose(mesh: Mesh) -> tuple[Floats, float, Floats]:
    """Rotation (3, 3), scale and shift (3,) that take the canonical face to this one."""
    rigid = list(RIGID)
    return rigid_transform(topology().vertices[rigid], mesh[rigid])


def _level(mesh: Mesh) -> Mesh:
    """The mesh in the canonical face's pose and size."""
    rotation, scale, shift = _fit_pose(mesh)
    return ((mesh - shift) @ rotation / scale).astype(np.float32)


def _symmetrise(mesh: Mesh) -> Mesh:
    """A levelled mesh made mirror-symmetric: where the network sees the far side differently, that is no shape."""
    return np.asarray((mesh + mesh[topology().mirror] * np.array([-1, 1, 1])) / 2, np.float32)


def eye_openness(mesh: Mesh, ring: tuple[int, ...]) -> float:
    """Height of an eye's opening by its width; `mesh` is (468, 3), `ring` the eye's vertices as `topology` has them."""
    width = float(np.linalg.norm(mesh[ring[0]] - mesh[ring[8]]))
    lids = np.linalg.norm(mesh[list(ring[2:7])] - mesh[list(ring[14:9:-1])], axis=1)
    return float(lids.mean()) / max(width, 1e-6)


def mouth_openness(mesh: Mesh) -> float:
    """Height of the inner opening of a (468, 3) mesh by the mouth's width."""
    return float(np.linalg.norm(mesh[13] - mesh[14])) / max(float(np.linalg.norm(mesh[61] - mesh[291])), 1e-6)


def mouth_width(mesh: Mesh) -> float:
    """Width of the mouth of a (468, 3) mesh by the face's width: a smile draws it out."""
    return float(np.linalg.norm(mesh[61] - mesh[291])) / max(face_width(mesh), 1e-6)


def smile(mesh: Mesh) -> float:
    """How far the mouth of a (468, 3) mesh is drawn out and open; the face with more has the deeper folds."""
    return mouth_width(mesh) / MOUTH_WIDTH_SCALE + mouth_openness(mesh) / MOUTH_OPEN_SCALE


def mouth_agreement(one: Mesh, other: Mesh) -> float:
    """1 where two (468, 3) meshes hold their mouths alike, towards 0 where only one of them smiles or speaks."""
    opens = (mouth_openness(one) - mouth_openness(other)) / MOUTH_OPEN_SCALE
    widens = (mouth_width(one) - mouth_width(other)) / MOUTH_WIDTH_SCALE
    return float(np.exp(-(opens**2) - widens**2))


def _eye_offset(target: Mesh, posed: Mesh, ring: tuple[int, ...]) -> Floats:
    """(468, 3) an eye moved and widened as a whole, and its lids where the openness agrees."""
    members = list(ring)
    centre, wanted = target[members].mean(0), posed[members].mean(0)
    width = float(np.linalg.norm(target[ring[0]] - target[ring[8]]))
    ratio = float(np.linalg.norm(posed[ring[0]] - posed[ring[8]])) / max(width, 1e-6)
    moved = wanted + (target - centre) * float(np.clip(ratio, *EYE_WIDTH_LIMITS))
    differs = eye_openness(target, ring) - eye_openness(posed, ring)
    detail = EYE_DETAIL * float(np.exp(-((differs / OPENNESS_SCALE) ** 2)))
    return np.asarray(moved - target + detail * (posed - moved), np.float32)


def _mouth_offset(target: Mesh, posed: Mesh) -> Floats:
    """(468, 3) the mouth moved as a whole, less so when it speaks or smiles otherwise, and a little of its shape."""
    members, agrees = list(face.OUTER_LIPS), mouth_agreement(target, posed)
    posed = np.asarray(posed + _rate_grin(target, posed) * (_open_as(posed, target) - posed), np.float32)
    centre, wanted = target[members].mean(0), posed[members].mean(0)
    shift = (wanted - centre) * (0.4 + 0.6 * agrees)
    detail = (posed - wanted) - (target - centre)
    return np.asarray(shift + MOUTH_DETAIL * (0.5 + 0.5 * agrees) * detail, np.float32)


def _rate_grin(target: Mesh, posed: Mesh) -> float:
    """1 where the reference shows its teeth widely and the target's mouth is a line, 0 where they are nearer."""
    own, other = mouth_openness(target), mouth_openness(posed)
    closed, wider = (OPEN - own) / (OPEN - CLOSED), (other - own - SMILE) / (GRIN - SMILE)
    return float(np.clip(closed, 0, 1) * np.clip(wider, 0, 1))


def _open_as(posed: Mesh, target: Mesh) -> Mesh:
    """`posed` with its lips as far apart as the target's: drawn apart, closed lips would show themselves stretched.

    Both are (468, 3) and level. All that lies above the line between the lips moves with the upper one.
    """
    ring, at = face.INNER_LIPS, topology().vertices
    lower, upper = list(ring[1:10]), list(ring[:10:-1])
    wider = (posed[lower] - posed[upper]) - (target[lower] - target[upper])
    columns, line = at[upper, 0], (at[upper, 1] + at[lower, 1]) / 2
    half = np.stack([np.interp(at[:, 0], columns, each, 0, 0) for each in wider.T / 2], 1)
    above = at[:, 1] < np.interp(at[:, 0], columns, line)
    above[upper], above[lower] = True, False
    return np.asarray(posed + np.where(above[:, None], half, -half), np.float32)


def _mix(offset: Floats, other: Floats, weight: Floats) -> Floats:
    """(468, 3) `offset` where `weight` (468,) is 0, `other` where it is 1."""
    return (offset + weight[:, None] * (other - offset)).astype(np.float32)


def _smooth(values: Floats) -> Floats:
    """`values` (468, K) averaged with their neighbours on the mesh, several times."""
    return np.asarray(_smoothing_matrix() @ values, np.float32)


@cache
def _smoothing_matrix() -> Floats:
    """(468, 468) all the passes as one."""
    one = (np.eye(468, dtype=np.float32) + _neighbour_average()) / 2
    return np.linalg.matrix_power(one, SMOOTHING_PASSES).astype(np.float32)


@cache
def _fall_off(members: tuple[int, ...]) -> Floats:
    """(468,) 1 on the members, falling to 0 over a few rings of neighbours."""
    weight = np.zeros(468, np.float32)
    weight[list(members)] = 1
    average = _neighbour_average()
    for _ in range(6):
        weight = np.asarray(0.5 * weight + 0.5 * (average @ weight), np.float32)
        weight[list(members)] = 1
    return weight


@cache
def _neighbour_average() -> NDArray[np.float32]:
    """(468, 468) row-normalised adjacency of the mesh."""
    canonical = topology()
    joined = np.zeros((468, 468), np.float32)
    for triangle in np.concatenate([canonical.triangles, canonical.closing]):
        joined[np.ix_(triangle, triangle)] = 1
    np.fill_diagonal(joined, 0)
    return np.asarray(joined / joined.sum(1, keepdims=True), np.float32)
