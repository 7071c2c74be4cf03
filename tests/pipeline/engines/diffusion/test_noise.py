"""Noise that is laid on a face is the same noise around it, wherever the face goes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mien_pipeline.engines.diffusion.latents import unpack
from mien_pipeline.engines.diffusion.noise import noise_on_face
from mien_pipeline.engines.diffusion.target import Cut
from mien_testing.pictures import face_at

CUT = Cut(0, 0, 256, 192, 1.0, (256, 192), (256, 192))
FACE = face_at(80, 60, 64, 64)
CHANNELS = 16


def test_it_moves_with_the_face_by_whole_latents() -> None:
    moved = replace(FACE, kps=FACE.kps + np.array([24, 16], np.float32))
    here, there = (unpack(noise_on_face(face, CUT, CHANNELS, 5), CUT) for face in (FACE, moved))
    assert here.shape == (1, CHANNELS, 24, 32)
    assert torch.equal(there[:, :, 2:, 3:], here[:, :, :-2, :-3])
    assert not torch.equal(there, here)


def test_it_does_not_depend_on_the_size_of_the_cut() -> None:
    """A box that grows by a pixel makes the cut 16 pixels wider: read row by row, all of the noise would be other."""
    wider = Cut(0, 0, 272, 208, 1.0, (272, 208), (272, 208))
    here, there = (unpack(noise_on_face(FACE, cut, CHANNELS, 5), cut) for cut in (CUT, wider))
    assert torch.equal(there[:, :, :24, :32], here)


def test_it_is_standard_normal_and_its_seed_s() -> None:
    noise = noise_on_face(FACE, CUT, CHANNELS, 5)
    assert noise.dtype == torch.float32
    assert float(noise.mean()) == pytest.approx(0, abs=0.05)
    assert float(noise.std()) == pytest.approx(1, abs=0.05)
    assert torch.equal(noise, noise_on_face(FACE, CUT, CHANNELS, 5))
    assert not torch.equal(noise, noise_on_face(FACE, CUT, CHANNELS, 6))
