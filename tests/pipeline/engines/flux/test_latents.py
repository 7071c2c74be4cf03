"""Latents are shifted, scaled and packed as FLUX.1 was trained."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from diffusers.pipelines.flux.pipeline_flux_fill import FluxFillPipeline

from mien_pipeline.engines.diffusion.latents import decode, encode, pack, to_pixels, to_tensor, token_mask, unpack
from mien_pipeline.engines.diffusion.target import Cut
from mien_pipeline.engines.flux.latents import face_tokens_of, fill_input, image_ids
from mien_pipeline.engines.flux.tiny.networks import VAE as TINY_VAE
from mien_testing.pictures import face_at


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
