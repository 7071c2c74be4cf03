"""One walk is the one that FLUX.2 [klein]'s own pipelines take, and the ways to get it wrong are told apart."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein import Flux2KleinPipeline
from diffusers.pipelines.flux2.pipeline_flux2_klein_inpaint import Flux2KleinInpaintPipeline
from torch import Tensor

from mien_pipeline.engines.diffusion.latents import encode
from mien_pipeline.engines.klein import velocity as velocities
from mien_pipeline.engines.klein.schedule import schedule
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.velocity import KleinVelocity, ReadPicture
from mien_pipeline.image import Pixels
from mien_pipeline.sampling import denoise, inpaint
from mien_pipeline.sampling import schedule as schedule_of_flux_1
from mien_testing.klein import make_pipeline
from mien_testing.trusting_klein import TEXT_TOKENS

PROMPT = "head_swap: a head"
SIZE, REFERENCE_SIZE, STEPS = (96, 64), (64, 80), 3


def noise_picture(size: tuple[int, int], seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)


TARGET, REFERENCE = noise_picture(SIZE, 1), noise_picture(REFERENCE_SIZE, 2)


@pytest.fixture(scope="module")
def noise() -> Tensor:
    """As the pipeline takes it: (1, 128, 4, 6)."""
    return torch.randn(1, 128, SIZE[1] // 16, SIZE[0] // 16, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def prompt(stack: Stack) -> Tensor:
    return stack.text.encode(PROMPT)


@pytest.fixture(scope="module")
def read(stack: Stack) -> list[ReadPicture]:
    return [
        ReadPicture(encode(stack.vae, pixels), (pixels.shape[1], pixels.shape[0])) for pixels in (TARGET, REFERENCE)
    ]


@pytest.fixture(scope="module")
def theirs(stack: Stack, noise: Tensor) -> Tensor:
    """Packed latents that diffusers' pipeline ends with, text and pictures encoded by itself."""
    return run_theirs(make_pipeline(Flux2KleinPipeline, stack), noise)


def run_theirs(pipeline: Any, noise: Tensor, **more: Any) -> Tensor:
    ended: list[Tensor] = []

    def keep(_pipeline: Any, _step: int, _timestep: Any, values: dict[str, Tensor]) -> dict[str, Tensor]:
        ended.append(values["latents"])
        return values

    given = {"image": [PIL.Image.fromarray(TARGET), PIL.Image.fromarray(REFERENCE)]} | more
    pipeline(prompt=PROMPT, height=SIZE[1], width=SIZE[0], num_inference_steps=STEPS, latents=noise,
             guidance_scale=1.0, output_type="latent", callback_on_step_end=keep, max_sequence_length=TEXT_TOKENS,
             **given)  # fmt: skip
    return ended[-1]


def to_tokens(noise: Tensor) -> Tensor:
    return noise.flatten(2).permute(0, 2, 1)


def walk(stack: Stack, prompt: Tensor, read: Sequence[ReadPicture], start: Tensor, sigmas: Sequence[float]) -> Tensor:
    return denoise(KleinVelocity(stack.transformer(0.0), prompt, SIZE, read), start, sigmas)


def distance(found: Tensor, expected: Tensor) -> float:
    """Relative to the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())


def test_a_walk_with_two_pictures_is_the_pipelines_own(
    stack: Stack, prompt: Tensor, read: list[ReadPicture], noise: Tensor, theirs: Tensor
) -> None:
    found = walk(stack, prompt, read, to_tokens(noise), schedule(STEPS, noise[0, 0].numel()))
    assert distance(found, theirs) <= 1e-5


def test_kept_pixels_are_kept_as_the_inpainting_pipeline_keeps_them(
    stack: Stack, prompt: Tensor, read: list[ReadPicture], noise: Tensor
) -> None:
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    mask[16:48, 32:80] = 255
    pipeline = make_pipeline(Flux2KleinInpaintPipeline, stack)
    theirs = run_theirs(
        pipeline,
        noise,
        image=PIL.Image.fromarray(TARGET),
        image_reference=PIL.Image.fromarray(REFERENCE),
        mask_image=PIL.Image.fromarray(mask),
        strength=1.0,
    )
    anew = torch.zeros(4, 6)
    anew[1:3, 2:5] = 1
    velocity = KleinVelocity(stack.transformer(0.0), prompt, SIZE, read)
    kept = inpaint(velocity, read[0].latents, anew.flatten()[:, None])
    found = denoise(kept, to_tokens(noise), schedule(STEPS, 24))
    assert float((found - theirs).abs().max()) <= 2e-5 * float(theirs.abs().max())


class TestFaults:
    """Each is far more than the two parities allow."""

    @pytest.fixture
    def sigmas(self, noise: Tensor) -> list[float]:
        return schedule(STEPS, noise[0, 0].numel())

    def test_pictures_that_walk_with_the_noise(
        self, stack: Stack, prompt: Tensor, read: list[ReadPicture], noise: Tensor, theirs: Tensor, sigmas: list[float]
    ) -> None:
        velocity = KleinVelocity(stack.transformer(0.0), prompt, SIZE, read)
        start = to_tokens(noise)

        def all_tokens(latents: Tensor, sigma: float, step: int) -> Tensor:
            velocity.read = [latents[:, 24:]]
            found: Tensor = stack.transformer(0.0)(
                hidden_states=latents, encoder_hidden_states=prompt, timestep=torch.full((1,), sigma),
                img_ids=velocity.image_ids, txt_ids=velocity.text_ids, return_dict=False,
            )[0]  # fmt: skip
            return found

        with torch.no_grad():
            found = denoise(all_tokens, torch.cat([start, *velocity.read], 1), sigmas)[:, :24]
        assert distance(found, theirs) > 1e-3

    def test_noise_that_is_scaled_like_a_picture(
        self, stack: Stack, prompt: Tensor, read: list[ReadPicture], noise: Tensor, theirs: Tensor, sigmas: list[float]
    ) -> None:
        deviation = torch.sqrt(stack.vae.bn.running_var + 1e-4)
        assert distance(walk(stack, prompt, read, to_tokens(noise) / deviation, sigmas), theirs) > 1e-2

    def test_the_pictures_in_the_other_order(
        self, stack: Stack, prompt: Tensor, read: list[ReadPicture], noise: Tensor, theirs: Tensor, sigmas: list[float]
    ) -> None:
        assert distance(walk(stack, prompt, read[::-1], to_tokens(noise), sigmas), theirs) > 1e-3

    def test_pictures_that_lie_where_the_noise_does(
        self,
        stack: Stack,
        prompt: Tensor,
        read: list[ReadPicture],
        noise: Tensor,
        theirs: Tensor,
        sigmas: list[float],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(velocities, "PICTURE_STEP", 0)
        assert distance(walk(stack, prompt, read, to_tokens(noise), sigmas), theirs) > 1e-3

    def test_the_levels_of_flux_1(
        self, stack: Stack, prompt: Tensor, read: list[ReadPicture], noise: Tensor, theirs: Tensor
    ) -> None:
        found = walk(stack, prompt, read, to_tokens(noise), schedule_of_flux_1(STEPS, 24))
        assert distance(found, theirs) > 1e-2

    def test_no_statistics(
        self, stack: Stack, prompt: Tensor, noise: Tensor, theirs: Tensor, sigmas: list[float], read: list[ReadPicture]
    ) -> None:
        raw = [replace(each, latents=undo(stack, each.latents)) for each in read]
        assert distance(walk(stack, prompt, raw, to_tokens(noise), sigmas), theirs) > 1e-3


def undo(stack: Stack, latents: Tensor) -> Tensor:
    found: Tensor = latents * torch.sqrt(stack.vae.bn.running_var + 1e-4) + stack.vae.bn.running_mean
    return found
