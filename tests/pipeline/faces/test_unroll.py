"""The unrolled face: which of its places a picture shows, and which lie behind a cheek."""

import numpy as np

from mien_pipeline.clips.tracks import require_mesh
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.faces.unroll import covered_texels, facing_texels

SIDE = 64


def turn(mesh: Mesh, degrees: float) -> Mesh:
    """A face turned about the vertical."""
    angle = np.deg2rad(degrees)
    about = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    return np.asarray((mesh - mesh.mean(0)) @ about.T, np.float32)


def test_most_of_a_face_that_looks_at_the_camera_faces_it(astronaut: Portrait) -> None:
    facing = facing_texels(require_mesh(astronaut.face), SIDE)[covered_texels(SIDE) > 0]
    assert facing.shape == ((covered_texels(SIDE) > 0).sum(),)
    assert (facing > 0.4).mean() > 0.7
    assert np.abs(facing).max() <= 1 + 1e-5


def test_of_a_turned_face_one_side_faces_the_camera_less_and_of_its_mirror_image_the_other(astronaut: Portrait) -> None:
    mesh = require_mesh(astronaut.face)
    halves = [
        (facing[:, : SIDE // 2][covered_texels(SIDE)[:, : SIDE // 2] > 0].mean()
         - facing[:, SIDE // 2 :][covered_texels(SIDE)[:, SIDE // 2 :] > 0].mean())
        for facing in (facing_texels(turn(mesh, degrees), SIDE) for degrees in (-50, 50))
    ]  # fmt: skip
    assert halves[0] * halves[1] < 0
    assert min(np.abs(halves)) > 0.5
