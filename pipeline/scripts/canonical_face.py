"""Make `faces/face_mesh.npz` from portraits: `python pipeline/scripts/canonical_face.py YUNET MESH PICTURES…`.

The network's meshes of the portraits are aligned, averaged and made mirror-symmetric. The surface is unrolled around
the head's axis with the mouth drawn open. One half is triangulated by Delaunay's rule and mirrored.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
from scipy.spatial import Delaunay  # type: ignore[import-untyped]

from mien_pipeline.faces import topology as face
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.topology import rigid_transform
from mien_pipeline.faces.yunet import YuNet
from mien_pipeline.image import Image

Array = NDArray[np.float64]
"""float64 of any shape; the docstring says which."""

UPPER_INNER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)


# Left and right partners that anchor the first guess of the reflection; the rest follow from it.
ANCHORS = ((234, 454), (33, 263), (133, 362), (61, 291), (10, 10), (152, 152), (1, 1), (168, 168), (17, 17))


def pair_sides(mean: Array) -> NDArray[np.int32]:
    """(468,) int32, each vertex's partner on the other side: the cheapest one-to-one pairing with the reflection.

    `mean` is (468, 3), the mean face.
    """
    mirrored = mean * [-1, 1, 1]
    source = np.array([pair for anchor in ANCHORS for pair in anchor])
    target = np.array([pair for anchor in ANCHORS for pair in anchor[::-1]])
    for _ in range(4):
        rotation, scale, shift = rigid_transform(mirrored[source].astype(np.float32), mean[target].astype(np.float32))
        mirrored = scale * mirrored @ rotation.T + shift
        source, target = linear_sum_assignment(np.linalg.norm(mirrored[:, None] - mean[None], axis=2))
    if not np.array_equal(target[target], np.arange(468)):
        raise SystemExit("the meshes are too uneven to pair left and right")
    return target.astype(np.int32)


def average_meshes(meshes: list[Array]) -> tuple[Array, NDArray[np.int32]]:
    """The mean of (468, 3) meshes, (468, 3), of unit width and symmetric about x = 0; and its mirror pairs (468,)."""
    first = meshes[0]
    for _ in range(3):
        aligned = [
            scale * mesh @ rotation.T + shift
            for mesh in meshes
            for rotation, scale, shift in [rigid_transform(mesh.astype(np.float32), first.astype(np.float32))]
        ]
        first = np.mean(aligned, axis=0)
    first = first - (first[234] + first[454]) / 2
    pairs = pair_sides(first)
    # The plane of symmetry is across the mean direction between partners; averaging removes the rest.
    across = (first[pairs] - first)[first[:, 0] < first[pairs][:, 0]].mean(0)
    across /= np.linalg.norm(across)
    down = first[152] - first[10]
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    frame = np.stack([across, down, np.cross(across, down)])
    level = first @ frame.T
    level -= [(level[:, 0] + level[pairs][:, 0]).mean() / 2, 0, 0]
    level = (level + level[pairs] * [-1, 1, 1]) / 2
    return level / np.linalg.norm(level[454] - level[234]), pairs


def unroll(vertices: Array) -> Array:
    """(468, 2) the surface of `vertices` (468, 3) unrolled around an axis behind the face, the mouth open."""
    x, y, z = vertices.T
    axis = 1.2  # face widths behind the nose: far enough that the sides are widened but not stretched
    flat = np.stack([axis * np.arctan2(x, axis - (z - z.min())), y], 1)
    flat[:, 1] += open_mouth(vertices)
    return flat


def open_mouth(vertices: Array) -> Array:
    """(468,) how far down each of `vertices` (468, 3) moves to open the mouth: all below the line between the lips."""
    line = vertices[list(UPPER_INNER_LIP)]
    order = np.argsort(line[:, 0])
    height = np.interp(vertices[:, 0], line[order, 0], line[order, 1])
    below = vertices[:, 1] > height + 1e-9
    lower_ring = face.INNER_LIPS[1:10]
    below[list(lower_ring)] = True
    below[list(UPPER_INNER_LIP)] = False
    half = np.abs(vertices[308, 0])
    fade = np.clip(1 - (np.abs(vertices[:, 0]) / half), 0, None)
    return np.where(below, 0.12 * np.sqrt(fade), 0)


def segments_cross(flat: Array, a: int, b: int, c: int, d: int) -> bool:
    """Whether the segments ab and cd cross between their ends; all four are rows of `flat` (468, 2)."""

    def side(p: int, q: int, r: int) -> float:
        u, v = flat[q] - flat[p], flat[r] - flat[p]
        return float(u[0] * v[1] - u[1] * v[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def force_edges(flat: Array, corners: list[tuple[int, ...]], edges: list[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The triangles `corners`, edges flipped until none crosses one of `edges` (Lawson 1972); `flat` is (468, 2)."""
    for a, b in edges:
        for _ in range(200):
            owners: dict[frozenset[int], list[tuple[int, ...]]] = {}
            for triangle in corners:
                for i in range(3):
                    owners.setdefault(frozenset((triangle[i], triangle[i - 1])), []).append(triangle)
            crossing = [e for e in owners if not e & {a, b} and segments_cross(flat, a, b, *e)]
            if not crossing:
                break
            for edge in crossing:
                one, other = owners[edge]
                p, q = (set(one) - edge).pop(), (set(other) - edge).pop()
                if segments_cross(flat, p, q, *edge):  # the quadrilateral is convex
                    corners = [t for t in corners if t not in (one, other)]
                    corners += [(p, q, end) for end in edge]
                    break
    return corners


def triangulate(flat: Array, mirror: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The skin's triangles (T, 3) and those that close eyes and mouth (C, 3), int32, mirror-symmetric.

    `flat` is (468, 2), the unrolled face; `mirror` (468,), each vertex's partner.
    """
    half = np.flatnonzero(flat[:, 0] < 1e-9)
    inside_half = set(half.tolist())
    rings = (face.LEFT_EYE, face.INNER_LIPS, face.OUTER_LIPS, face.OVAL)
    wanted = [(a, b) for ring in rings for a, b in zip(ring, ring[1:] + ring[:1], strict=True) if {a, b} <= inside_half]
    found = [tuple(t) for t in half[Delaunay(flat[half]).simplices].tolist()]
    corners = np.array(force_edges(flat, found, wanted))
    oval = flat[list(face.OVAL)].astype(np.float32)
    inside = [cv2.pointPolygonTest(oval, tuple(map(float, flat[t].mean(0))), False) > 0 for t in corners]
    corners = corners[np.array(inside)]
    one, other = flat[corners[:, 1]] - flat[corners[:, 0]], flat[corners[:, 2]] - flat[corners[:, 0]]
    area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    corners = np.where(area[:, None] < 0, corners[:, ::-1], corners)
    both = np.concatenate([corners, mirror[corners][:, ::-1]]).astype(np.int32)
    holes = [set(face.LEFT_EYE), set(face.RIGHT_EYE), set(face.INNER_LIPS)]
    closes = np.array([any(set(t.tolist()) <= hole for hole in holes) for t in both])
    return both[~closes], both[closes]


def main() -> None:
    """Read the portraits that the command line names and write the canonical face."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("face_detection", type=Path)
    parser.add_argument("face_mesh", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, default=Path(face.__file__).with_name("face_mesh.npz"))
    chosen = parser.parse_args()
    detector = MeshDetector(YuNet(chosen.face_detection.read_bytes()), chosen.face_mesh.read_bytes())
    meshes = [
        found.mesh.astype(np.float64)
        for path in chosen.pictures
        for found in detector.detect(Image(np.asarray(Picture.open(path).convert("RGB"))))
        if found.mesh is not None
    ]
    vertices, mirror = average_meshes(meshes)
    flat = unroll(vertices)
    triangles, closing = triangulate(flat, mirror)
    low, high = flat.min(0), flat.max(0)
    uv = 0.5 + (flat - (low + high) / 2) / (high - low).max() * 0.94
    np.savez_compressed(
        chosen.output, vertices=vertices.astype(np.float32), uv=uv.astype(np.float32),
        triangles=triangles, closing=closing, mirror=mirror,
    )  # fmt: skip


if __name__ == "__main__":
    main()
