"""Latents of FLUX.2 are packed and normalised as it was trained; those of FLUX.1 are tested with FLUX.1."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline

from mien_pipeline.engines.diffusion.latents import decode, decode_small, encode, pack, position_ids, to_tensor, unpack
from mien_pipeline.engines.diffusion.target import Cut

CUT = Cut(0, 0, 80, 48, 1.0, (80, 48), (80, 48))
pipeline: Any = Flux2KleinPipeline


@pytest.fixture(scope="module")
def vae() -> Any:
    """Four levels of four channels, with statistics that are not 0 and 1."""
    torch.manual_seed(0)
    down, up = ["DownEncoderBlock2D"] * 4, ["UpDecoderBlock2D"] * 4
    network: Any = AutoencoderKLFlux2(
        block_out_channels=(4, 4, 4, 4),
        down_block_types=down,  # pyright: ignore[reportArgumentType]
        up_block_types=up,  # pyright: ignore[reportArgumentType]
        layers_per_block=1,
        norm_num_groups=2,
    ).eval()
    network.bn.running_mean.normal_()
    network.bn.running_var.uniform_(0.5, 2.0)
    return network.requires_grad_(False)


def test_flux_2_is_packed_by_its_own_order_and_normalised_by_its_own_statistics(vae: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8)
    theirs = pipeline._encode_vae_image(_Vae(vae), to_tensor(pixels), torch.Generator())
    assert torch.equal(encode(vae, pixels), pipeline._pack_latents(theirs))
    raw = torch.randn(1, 32, 6, 10)
    assert torch.equal(pack(raw), pipeline._pack_latents(pipeline._patchify_latents(raw)))
    assert torch.equal(unpack(pack(raw), CUT), raw)


def test_what_was_encoded_is_decoded_as_the_plain_network_decodes_it(vae: Any) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 80, 3), np.uint8)
    plain = vae.decode(vae.encode(to_tensor(pixels)).latent_dist.mode(), return_dict=False)[0]
    found = decode(vae, encode(vae, pixels), CUT)
    expected = ((plain[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    assert np.abs(found.astype(int) - expected.numpy().astype(int)).max() <= 1


def test_a_quick_look_is_a_coarser_picture_of_the_same_size(vae: Any) -> None:
    """Where the picture is no larger than asked for, it is the picture itself."""
    packed = encode(vae, np.random.default_rng(1).integers(0, 256, (48, 80, 3), np.uint8))
    assert np.array_equal(decode_small(vae, packed, CUT, 80), decode(vae, packed, CUT))
    decoded: list[tuple[int, ...]] = []
    remembered = vae.decode

    def decode_and_note(latents: torch.Tensor, **options: Any) -> Any:
        decoded.append(tuple(latents.shape))
        return remembered(latents, **options)

    vae.decode = decode_and_note
    small = decode_small(vae, packed, CUT, 40)
    del vae.decode
    assert decoded == [(1, 32, 3, 5)]
    assert small.shape == (48, 80, 3)


def test_a_further_picture_has_its_own_place_on_the_first_of_four_axes() -> None:
    like = torch.zeros(1, 128, 3, 5)
    assert torch.equal(position_ids((80, 48), axes=4)[None], pipeline._prepare_latent_ids(like).float())
    theirs = pipeline._prepare_image_ids([torch.zeros(1, 128, 3, 5), torch.zeros(1, 128, 2, 2)])
    ours = torch.cat([position_ids((80, 48), axes=4, first=10), position_ids((32, 32), axes=4, first=20)])
    assert torch.equal(ours[None], theirs.float())


class _Vae:
    """What the pipeline's own method reads of the pipeline."""

    _patchify_latents = staticmethod(pipeline._patchify_latents)

    def __init__(self, vae: Any) -> None:
        self.vae = vae
