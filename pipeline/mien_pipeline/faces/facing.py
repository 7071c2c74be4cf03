"""How a mesh faces the viewer: its normals, and which of its vertices another part hides."""

import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces.raster import rasterise
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats

_DEPTH_WIDTH_PX, _DEPTH_SLACK = 128, 0.04  # of a face as depths are compared; face widths by which a part hides another


def vertex_normals(mesh: Mesh) -> Floats:
    """(468, 3) float32, unit normals of a (468, 3) mesh in its own axes, z towards the viewer positive."""
    triangles = topology().triangles
    a, b, c = (mesh[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    vertices = np.zeros((468, 3), np.float64)
    for corner in range(3):
        np.add.at(vertices, triangles[:, corner], normals)
    return np.asarray(vertices / np.maximum(np.linalg.norm(vertices, axis=1, keepdims=True), 1e-9), np.float32)


def vertex_facing(mesh: Mesh) -> Floats:
    """(468,) float32, cosine between each vertex's normal and the view of a (468, 3) mesh; 0 where turned away."""
    return np.clip(vertex_normals(mesh)[:, 2], 0, 1)


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
