"""The canonical face: what the 468 mesh vertices are, how they join, and how a head is turned.

`pipeline/scripts/canonical_face.py` made `face_mesh.npz` from the mesh network's output on frontal portraits: averaged,
made mirror-symmetric, triangulated anew.
"""

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.image import Floats

Indices = NDArray[np.int32]

# Rings of vertices in order around what they enclose, as the network numbers them.
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)  # the viewer's left
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 48, 278, 115, 344, 64, 294)
UNDER_NOSE = (98, 327, 2, 129, 358, 4)
FEATURES = (LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, OUTER_LIPS, UNDER_NOSE)  # what is not plain skin

# Vertices that expression hardly moves: forehead, bridge and outer edge of the nose, temples, the eyes' outer corners.
RIGID = (10, 151, 9, 8, 168, 6, 197, 195, 67, 297, 109, 338, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356, 234, 454,
         33, 263, 133, 362, 4, 5, 98, 327, 93, 323)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """The canonical face.

    Attributes:
        vertices: (468, 3) float32, unit face width, x to the viewer's right, y down, z away from the viewer.
        uv: (468, 2) float32 in 0..1, a fold-free unrolling; mirroring the face is u → 1 - u.
        triangles: (T, 3) int32 of the skin; every one winds clockwise on the screen when it faces the viewer.
        closing: (C, 3) int32 that close the mouth and both eyes.
        mirror: (468,) int32, the vertex on the other side.
    """

    vertices: Floats
    uv: Floats
    triangles: Indices
    closing: Indices
    mirror: Indices


@cache
def topology() -> Topology:
    """The canonical face, read once."""
    with files("mien_pipeline.faces").joinpath("face_mesh.npz").open("rb") as file, np.load(file) as arrays:
        return Topology(**{name: arrays[name] for name in ("vertices", "uv", "triangles", "closing", "mirror")})


def rigid_transform(source: Floats, destination: Floats) -> tuple[Floats, float, Floats]:
    """Rotation (3, 3), scale and shift (3,), float32, that best take `source` (N, 3) to `destination` (N, 3).

    `scale * source @ rotation.T + shift` is nearest to `destination`; the rotation never mirrors.
    Source: Umeyama 1991, least-squares estimation of transformation parameters between two point patterns.
    """
    source_mean, destination_mean = source.mean(0), destination.mean(0)
    a, b = source - source_mean, destination - destination_mean
    u, singular, vt = np.linalg.svd(b.T @ a / len(source))
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * flip) @ vt
    scale = float((singular * flip).sum() / max(float(a.var(0).sum()), 1e-12))
    shift = destination_mean - scale * rotation @ source_mean
    return rotation.astype(np.float32), scale, shift.astype(np.float32)


def head_pose(mesh: Mesh) -> tuple[float, float, float]:
    """Yaw, pitch and roll of a (468, 3) mesh in degrees.

    Yaw is positive where the face looks to the viewer's right, pitch where it looks up, roll where the head leans
    clockwise on the screen.
    """
    rigid = list(RIGID)
    rotation, _, _ = rigid_transform(topology().vertices[rigid], mesh[rigid])
    forward = rotation @ np.array([0, 0, -1.0])  # where the nose points; the viewer is at negative z
    yaw = math.degrees(math.atan2(float(forward[0]), float(-forward[2])))
    pitch = math.degrees(math.asin(float(np.clip(-forward[1], -1, 1))))
    roll = math.degrees(math.atan2(float(rotation[1, 0]), float(rotation[0, 0])))
    return yaw, pitch, roll


def head_axes(mesh: Mesh) -> tuple[Floats, Floats]:
    """Unit vectors (2,) float32 of a (468, 3) mesh on the screen: along the eyes to the viewer's right, and down."""
    eyes = mesh[263, :2] - mesh[33, :2]
    across = np.asarray(eyes / np.linalg.norm(eyes), np.float32)
    return across, np.array([-across[1], across[0]], np.float32)


def face_width(mesh: Mesh) -> float:
    """Distance between the edges of a (468, 3) mesh at the ears, in its own units; a turned head is no narrower."""
    return float(np.linalg.norm(mesh[454] - mesh[234]))


def inter_ocular(mesh: Mesh) -> float:
    """Distance between the eyes' centres of a (468, 3) mesh on the screen, in its own units."""
    left = mesh[[33, 133, 159, 145], :2].mean(0)
    right = mesh[[263, 362, 386, 374], :2].mean(0)
    return float(np.linalg.norm(right - left))
