"""In a clip the engine has one noise, which moves with the face, and renders key pictures alone; on the tiny bundle.

What it paints there is noise: how steady a face is, only real weights can say.
"""

from dataclasses import replace

import numpy as np
import pytest

from mien_pipeline.clips.carried import CarriedLikeness, KeyFace
from mien_pipeline.clips.tracks import require_mesh
from mien_pipeline.engines.flux import engine as engine_module
from mien_pipeline.engines.flux.engine import FluxLikeness
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.topology import topology
from mien_pipeline.protocols import KnowsClips
from mien_testing.tiny import QUICK, Picture

STEADY = QUICK.make_steady()


def with_mesh(face: Face) -> Face:
    """The face with the canonical mesh in its box, and its own five points."""
    x1, y1, x2, _ = face.bbox
    vertices = topology().vertices
    mesh = (vertices - vertices.min(0)) * (x2 - x1) + np.array([x1, y1, 0])
    return replace(face, mesh=mesh.astype(np.float32))


def test_in_a_clip_noise_is_the_face_s_and_nothing_is_tried_twice() -> None:
    assert (FluxOptions().noise, FluxOptions().drift_gate) == ("picture", True)
    assert (STEADY.noise, STEADY.drift_gate, STEADY.seed) == ("face", False, QUICK.seed)


def test_pictures_between_two_keys_take_no_walk(
    likeness: FluxLikeness, target: Picture, made: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is the engine's own walk with the noise on the face: `made` has it on the picture."""
    image, face = target[0], with_mesh(target[1])
    carried = CarriedLikeness(likeness)
    assert isinstance(carried, KnowsClips)
    key = carried.look(image, face, STEADY)
    assert not np.array_equal(key.made, KeyFace.keep(image, require_mesh(face), made).made)

    def refuse(*_: object) -> None:
        raise AssertionError("a picture between two keys was walked to")

    monkeypatch.setattr(engine_module, "denoise", refuse)
    between = carried.render_known(image, face, STEADY, key, key, 0.5)
    shown = between.mask > 0.99
    assert shown.mean() > 0.3
    assert np.abs(between.crop[shown].astype(int) - key.made[shown]).max() <= 1
