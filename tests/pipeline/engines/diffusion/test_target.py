"""The target's part promises: cut and put back exactly, masked softly, packed as FLUX.1 packs."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from diffusers.pipelines.flux.pipeline_flux_fill import FluxFillPipeline
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_pipeline.engines.diffusion import target
from mien_pipeline.engines.diffusion.drift import is_better
from mien_pipeline.engines.diffusion.parsing import ParsingClass
from mien_pipeline.engines.diffusion.preserve_mask import preserve_mask
from mien_pipeline.engines.diffusion.reference import portrait_affine
from mien_pipeline.engines.diffusion.target import Cut, cut_for
from mien_pipeline.engines.flux.latents import (
    decode,
    encode,
    face_tokens_of,
    fill_input,
    image_ids,
    pack,
    to_pixels,
    to_tensor,
    token_mask,
    unpack,
)
from mien_pipeline.engines.flux.second_attempt import adjust
from mien_pipeline.engines.flux.tiny.networks import VAE as TINY_VAE
from mien_pipeline.face import Face
from mien_pipeline.faces.align import invert
from mien_pipeline.image import Image
from mien_pipeline.options import FluxOptions, parse_options
from mien_pipeline.report import IdentityScores


def face_at(left: float, top: float, width: float, height: float) -> Face:
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    kps = (points * [width, height] + [left, top]).astype(np.float32)
    return Face(np.array([left, top, left + width, top + height], np.float32), 0.9, kps)


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(16, 8000),
    height=st.integers(16, 8000),
    across=st.floats(-0.2, 0.9),
    down=st.floats(-0.2, 0.9),
    share=st.floats(0.01, 1.2),
    side=st.sampled_from([256, 768, 1024]),
)
def test_every_cut_lies_in_the_picture_and_works_in_multiples_of_sixteen(
    width: int, height: int, across: float, down: float, share: float, side: int
) -> None:
    size = max(4.0, share * min(width, height))
    cut = cut_for((width, height), face_at(across * width, down * height, size, 1.2 * size), side)
    assert 0 <= cut.left <= cut.left + cut.width <= width
    assert 0 <= cut.top <= cut.top + cut.height <= height
    assert cut.outer[0] % 16 == cut.outer[1] % 16 == 0
    assert cut.inner[0] <= cut.outer[0] < cut.inner[0] + 16
    assert cut.inner[0] * cut.inner[1] <= 1.02 * side * side + 2 * (cut.inner[0] + cut.inner[1])


def test_a_small_face_in_a_large_picture_is_worked_on_at_the_models_best_size() -> None:
    cut = cut_for((3840, 2160), face_at(2000, 700, 180, 220), 1024)
    assert (cut.width, cut.height) != (3840, 2160)
    assert cut.outer[0] * cut.outer[1] == pytest.approx(1024 * 1024, rel=0.05)
    assert cut.scale > 1.3


def test_a_face_that_fills_the_picture_takes_the_whole_frame() -> None:
    cut = cut_for((1000, 1200), face_at(200, 250, 600, 700), 1024)
    assert (cut.left, cut.top, cut.width, cut.height) == (0, 0, 1000, 1200)


@pytest.mark.parametrize("size", [(141, 200), (517, 333), (64, 64), (1030, 770)])
def test_cut_and_put_back_is_exact_at_the_models_own_size(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    inner = (width, height)
    cut = Cut(0, 0, width, height, 1.0, inner, (-(-width // 16) * 16, -(-height // 16) * 16))
    back = target.patch(target.extract(Image(pixels), cut), np.ones((height, width), np.float32), cut)
    assert np.array_equal(back.crop, pixels)
    assert np.array_equal(back.affine, np.array([[1, 0, 0], [0, 1, 0]], np.float32))


def test_packing_is_flux_1s_own_and_unpacking_undoes_it() -> None:
    latents = torch.randn(2, 16, 6, 10)
    cut = Cut(0, 0, 80, 48, 1.0, (80, 48), (80, 48))
    packed = pack(latents)
    pipeline: Any = FluxPipeline
    assert torch.equal(packed, pipeline._pack_latents(latents, 2, 16, 6, 10))
    assert torch.equal(unpack(packed, cut), latents)
    ids = pipeline._prepare_latent_image_ids(2, 3, 5, torch.device("cpu"), torch.float32)
    assert torch.equal(image_ids(cut, torch.zeros(1)), ids)


def test_latents_are_shifted_and_scaled_as_flux_1_was_trained() -> None:
    torch.manual_seed(0)
    vae: Any = AutoencoderKL(**TINY_VAE).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    cut = Cut(0, 0, 64, 48, 1.0, (64, 48), (64, 48))
    with torch.no_grad():
        raw = vae.encode(to_tensor(pixels)).latent_dist.mode()
        plain = to_pixels(vae.decode(raw, return_dict=False)[0])
    packed = encode(vae, pixels)
    torch.testing.assert_close(unpack(packed, cut), (raw - 0.1159) * 0.3611)
    assert np.abs(decode(vae, packed, cut).astype(int) - plain).max() <= 1


def test_fill_is_given_the_picture_without_the_face_and_the_mask_as_it_was_trained() -> None:
    """Packed as diffusers' Fill pipeline packs them; the hole is grey, so nothing of the face leaks in."""
    torch.manual_seed(0)
    vae: Any = AutoencoderKL(**TINY_VAE).eval()
    rng = np.random.default_rng(0)
    cut = Cut(0, 0, 64, 48, 1.0, (64, 48), (64, 48))
    pixels = rng.integers(0, 256, (48, 64, 3), np.uint8)
    mask = np.zeros((48, 64), np.float32)
    mask[10:30, 20:45] = 1
    found = fill_input(vae, pixels, mask, cut)
    holes = torch.from_numpy(mask)[None, None]
    with torch.no_grad():
        latents = vae.encode(to_tensor(pixels) * (1 - holes)).latent_dist.mode()
    fill: Any = FluxFillPipeline
    pipeline = SimpleNamespace(vae=vae, vae_scale_factor=8, _pack_latents=fill._pack_latents)
    theirs = fill.prepare_mask_latents(pipeline, holes, latents, 1, 16, 1, 48, 64, torch.float32, "cpu", None)
    written = torch.cat(theirs[::-1], dim=-1)
    assert found.shape == (1, 12, 64 + 256)
    assert torch.equal(found[..., 64:], written[..., 64:])
    torch.testing.assert_close(found[..., :64], written[..., :64], atol=0.02, rtol=0)
    pixels[12:28, 22:43] = rng.integers(0, 256, (16, 21, 3), np.uint8)
    assert torch.equal(fill_input(vae, pixels, mask, cut), found)


def test_the_mask_is_whole_on_the_face_and_nothing_far_from_it() -> None:
    face = face_at(300, 250, 200, 240)
    cut = cut_for((1200, 900), face, 512)
    mask = target.mask_for(face, cut)
    assert mask.shape == (cut.height, cut.width)
    for x, y in face.kps:
        assert mask[int(y) - cut.top, int(x) - cut.left] == 1.0
    x1, y1, x2, y2 = target.region_of(face)
    rows, columns = np.mgrid[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]
    outside = (columns < x1 - 1) | (columns > x2 + 1) | (rows < y1 - 1) | (rows > y2 + 1)
    assert (mask[outside] == 0).all()
    keep = np.zeros_like(mask)
    keep[:, : cut.width // 2] = 1
    assert (target.mask_for(face, cut, keep)[:, : cut.width // 2] == 0).all()


def test_a_hat_taller_than_the_portrait_is_kept_to_its_top() -> None:
    """The parsing network sees 512 pixels around the face; the region made anew ends above them."""
    face = face_at(300, 300, 200, 270)
    cut = cut_for((1200, 1200), face, 512)
    regions = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    regions[:120] = int(ParsingClass.HAT)
    mask = target.mask_for(face, cut, preserve_mask(regions, face, cut, hair=False))
    top_of_portrait = invert(portrait_affine(face.kps))[1] @ [256, 0, 1] - cut.top
    top_of_region = target.region_of(face)[1] - cut.top
    assert top_of_region < top_of_portrait - 20
    middle = round(400 - cut.left)
    assert (target.mask_for(face, cut)[round(top_of_region) + 12 : round(top_of_portrait), middle] > 0.5).any()
    assert (mask[: round(top_of_portrait) + 20, middle] == 0).all()
    assert mask[round(435 - cut.top), middle] == 1


def test_tokens_are_free_where_any_of_their_pixels_is() -> None:
    cut = Cut(0, 0, 64, 48, 1.0, (64, 48), (64, 48))
    mask = np.zeros((48, 64), np.float32)
    mask[20, 33] = 0.5
    tokens = token_mask(mask, cut)
    assert tokens.shape == (12, 1)
    assert tokens.flatten().nonzero().flatten().tolist() == [1 * 4 + 2]


def test_the_faces_tokens_are_its_boxs() -> None:
    cut = Cut(0, 0, 64, 48, 1.0, (64, 48), (64, 48))
    assert face_tokens_of(face_at(17, 1, 30, 30), cut).tolist() == [1, 2, 5, 6]


@pytest.mark.parametrize(
    ("base", "expected"), [("dev", (28, 3.5, 0.75)), ("schnell", (4, 3.5, 0.75)), ("fill", (28, 30.0, 1.0))]
)
def test_a_base_has_the_defaults_it_was_trained_with(base: str, expected: tuple[int, float, float]) -> None:
    """Whatever is asked for by name wins, and a job that is written down and read again stays as it was."""
    options = parse_options({"engine": "flux", "base": base})
    assert isinstance(options, FluxOptions)
    assert (options.steps, options.guidance_scale, options.strength) == expected
    assert parse_options(options.model_dump(mode="json")) == options
    asked = parse_options({"engine": "flux", "base": base, "steps": 9, "guidance_scale": 2, "strength": 0.5})
    assert isinstance(asked, FluxOptions)
    assert (asked.steps, asked.guidance_scale, asked.strength) == (9, 2, 0.5)


SCORES = IdentityScores("fake", to_reference=0.6, to_target=0.1, before=0.0)


def test_a_result_that_is_the_reference_is_left_alone() -> None:
    assert adjust(FluxOptions(), SCORES) is None


def test_a_result_nearer_to_the_target_is_tried_again_more_boldly() -> None:
    again = adjust(FluxOptions(), IdentityScores("fake", 0.2, 0.5, 0.1))
    assert again is not None
    assert again.strength == pytest.approx(0.85)
    assert again.id_weight == pytest.approx(1.0)
    assert again.guidance_scale == FluxOptions().guidance_scale
    off = adjust(FluxOptions(id_weight=0.0), IdentityScores("fake", 0.2, 0.5, 0.1))
    assert off is not None
    assert off.id_weight == 0.0, "a part that is switched off stays off"


def test_a_result_pulled_away_by_guidance_is_tried_again_more_calmly() -> None:
    again = adjust(FluxOptions(true_cfg_scale=3.0), IdentityScores("fake", 0.05, 0.0, 0.2))
    assert again is not None
    assert again.true_cfg_scale == pytest.approx(2.25)
    assert again.guidance_scale < FluxOptions().guidance_scale
    assert again.strength == FluxOptions().strength


def test_the_attempt_that_is_more_the_reference_is_kept() -> None:
    assert is_better(IdentityScores("fake", 0.2, 0.5, 0.1), SCORES)
    assert not is_better(SCORES, IdentityScores("fake", 0.2, 0.5, 0.1))
