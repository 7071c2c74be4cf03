"""A person's outline ends a face, and a hole in the network's answer does not."""

import numpy as np

from mien_pipeline.face import Portrait
from mien_pipeline.faces.topology import face_width
from mien_pipeline.skin.mask import FaceView, view_face
from mien_pipeline.skin.silhouette import find_background, is_profile
from mien_testing.portraits import mesh_of


def view_of(portrait: Portrait) -> FaceView:
    return view_face(portrait.image.pixels, mesh_of(portrait))[1]


def test_only_what_joins_the_background_counts(astronaut: Portrait) -> None:
    view = view_of(astronaut)
    person = np.ones(view.oval.shape, np.float32)
    assert not find_background(person, view).any()
    column, row = np.round(view.points[50]).astype(int)
    reach = round(0.06 * view.width)
    person[row - reach : row + reach, column - reach : column + reach] = 0
    assert not find_background(person, view).any()


def test_background_is_followed_a_little_way_into_the_oval(astronaut: Portrait) -> None:
    view = view_of(astronaut)
    edge, middle = float(view.points[454, 0]), float(view.points[4, 0])
    person = np.ones(view.oval.shape, np.float32)
    person[:, round(middle) :] = 0
    found = find_background(person, view)
    row = round(float(view.points[4, 1]))
    assert found[row, round(edge - 0.08 * view.width)]
    assert not found[row, round(middle + 0.1 * view.width)]


def test_a_turned_mesh_half_beside_the_head_is_a_profile(astronaut: Portrait) -> None:
    mesh, shape = mesh_of(astronaut), astronaut.image.pixels.shape[:2]
    person, same = np.ones(shape, np.float32), np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    assert not is_profile(person, same, mesh, 40.0)
    person[:, round(float(mesh[263, 0]) - 0.1 * face_width(mesh)) :] = 0
    assert is_profile(person, same, mesh, 40.0)
    assert not is_profile(person, same, mesh, 10.0)  # a mask or a bright wall, not a turned head
