"""A shaved head has skin over its skull, and the face below the brows is untouched."""

import numpy as np

from mien_pipeline.evaluation.hair import shave
from mien_pipeline.skin.mask import cheek_mask
from mien_testing.portraits import Portrait, mesh_of


def test_hair_over_the_skull_becomes_skin_and_the_face_stays(astronaut: Portrait) -> None:
    image, face = astronaut
    mesh = mesh_of(astronaut)
    bald = shave(image.pixels, face)
    skin = np.median(image.pixels[cheek_mask(image.pixels.shape, mesh) > 0], axis=0)
    width = float(np.linalg.norm(mesh[454] - mesh[234]))
    x, y = (int(value) for value in mesh[10, :2] - np.array([0, 0.15 * width]))
    was, made = (pixels[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3).mean(0) for pixels in (image.pixels, bald))
    assert np.abs(made - skin).sum() < 0.5 * np.abs(was - skin).sum()
    eyes, chin = int(mesh[159, 1]), int(mesh[152, 1])
    left, right = int(mesh[50, 0]), int(mesh[280, 0])
    assert np.array_equal(bald[eyes:chin, left:right], image.pixels[eyes:chin, left:right])
