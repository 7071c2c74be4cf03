"""Four recognisers, four contracts: each is given the face in the form that it was trained with."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from mien_core.errors import BrokenWeights
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion import reference
from mien_pipeline.engines.diffusion.parsing import ParsingClass
from mien_pipeline.engines.diffusion.reference import FFHQ_TEMPLATE, ArcFaceRecogniser
from mien_pipeline.face import Face
from mien_pipeline.faces.align import align
from mien_pipeline.image import Image


def one_face() -> tuple[Image, Face]:
    pixels = np.zeros((300, 280, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 200, 100, 50
    kps = np.array([[100, 120], [180, 120], [140, 160], [110, 200], [170, 200]], np.float32)
    return Image(pixels), Face(np.array([70, 70, 210, 240], np.float32), 0.9, kps)


def test_infiniteyous_recogniser_is_given_bgr_from_minus_one_to_one() -> None:
    image, face = one_face()
    seen = reference.for_irse(image, face.kps)
    assert seen.shape == (1, 3, 112, 112)
    torch.testing.assert_close(seen[0, :, 60, 56], torch.tensor([50, 100, 200]) / 127.5 - 1)


def test_eva_is_given_a_grey_face_on_white() -> None:
    regions = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    regions[:100] = int(ParsingClass.BACKGROUND)
    crop = np.full((512, 512, 3), (200, 100, 50), np.uint8)
    seen = reference.for_eva(crop, regions, 56)
    mean, std = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    grey = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    torch.testing.assert_close(seen[0, :, 40, 28] * std + mean, torch.full((3,), grey), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen[0, :, 3, 28] * std + mean, torch.ones(3), atol=1e-4, rtol=0)


def test_a_portrait_is_in_ffhqs_pose() -> None:
    image, face = one_face()
    affine = reference.portrait_affine(face.kps)
    landed = face.kps @ affine[:, :2].T + affine[:, 2]
    assert np.abs(landed - FFHQ_TEMPLATE).mean() < 20
    assert reference.portrait(image.pixels, face.kps).shape == (512, 512, 3)


def test_antelopev2_sees_rgb_and_its_length_is_kept(tiny_store: ModelStore) -> None:
    """InsightFace takes BGR and turns it round; what the network itself is given is written out here."""
    weights = tiny_store.path("antelopev2", "glintr100.onnx")
    image, face = one_face()
    embedding = ArcFaceRecogniser(weights).embed(image, face.kps)
    crop = align(image.pixels, face.kps, 112).crop.astype(np.float32)
    network: Any = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    written = network.run(None, {"input.1": ((crop - 127.5) / 127.5).transpose(2, 0, 1)[None]})[0]
    torch.testing.assert_close(embedding, torch.from_numpy(written), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(embedding.norm(), torch.ones(()), atol=0.05)


def test_a_file_that_is_no_recogniser_is_refused(tiny_store: ModelStore, tmp_path: Any) -> None:
    broken = tmp_path / "glintr100.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(BrokenWeights, match=r"glintr100\.onnx"):
        ArcFaceRecogniser(broken)
