"""The engine promises, on the tiny bundle: the target's size and pixels are kept, seeds repeat, every step can stop it.

What it paints there is noise; who it looks like is a question for real weights.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mien_core.errors import Cancelled
from mien_pipeline.engines.diffusion.latents import encode, token_mask
from mien_pipeline.engines.diffusion.parsing import ParsingClass
from mien_pipeline.engines.diffusion.reference import ArcFaceRecogniser, ParsingMap
from mien_pipeline.engines.diffusion.target import cut_for, extract
from mien_pipeline.engines.flux import engine as engine_module
from mien_pipeline.engines.flux.engine import FluxEngine, FluxLikeness
from mien_pipeline.engines.flux.faceid import FaceId
from mien_pipeline.engines.flux.instantid import InstantId, keypoint_picture
from mien_pipeline.engines.flux.latents import face_tokens_of
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.onnx_network import PROCESSOR
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.sampling import Velocity, denoise
from mien_pipeline.skin.blend import paste_back
from mien_testing.card_runtime import CUDA, CardRuntime
from mien_testing.tiny import QUICK, Picture


def test_the_result_has_the_targets_size_and_its_pixels_outside_the_mask(made: Patch, target: Picture) -> None:
    """517 × 333 in, 517 × 333 out, although the model works on multiples of 16."""
    image, _ = target
    result = paste_back(image, made)
    assert result.pixels.shape == image.pixels.shape
    top, left = -int(made.affine[1, 2]), -int(made.affine[0, 2])
    mask = np.zeros(image.pixels.shape[:2], np.float32)
    mask[top : top + made.mask.shape[0], left : left + made.mask.shape[1]] = made.mask
    assert np.array_equal(result.pixels[mask == 0], image.pixels[mask == 0])
    assert (result.pixels != image.pixels).any(axis=2)[mask > 0.5].mean() > 0.5


def test_inputs_are_left_as_they_were(likeness: FluxLikeness, target: Picture) -> None:
    image, face = target
    before = image.pixels.copy(), face.kps.copy(), face.bbox.copy()
    likeness.render(image, face, QUICK, ignore_step)
    assert np.array_equal(image.pixels, before[0])
    assert np.array_equal(face.kps, before[1])
    assert np.array_equal(face.bbox, before[2])


def test_the_same_seed_repeats_a_result_and_another_does_not(
    likeness: FluxLikeness, target: Picture, made: Patch
) -> None:
    assert np.array_equal(likeness.render(*target, QUICK, ignore_step).crop, made.crop)
    other = likeness.render(*target, QUICK.model_copy(update={"seed": 1}), ignore_step)
    assert not np.array_equal(other.crop, made.crop)


@pytest.mark.parametrize("weight", ["id_weight", "ip_adapter_scale", "controlnet_conditioning_scale"])
def test_every_method_changes_the_picture(likeness: FluxLikeness, target: Picture, made: Patch, weight: str) -> None:
    without = likeness.render(*target, QUICK.model_copy(update={weight: 0.0}), ignore_step)
    assert not np.array_equal(without.crop, made.crop)


def test_another_reference_makes_another_picture(engine: FluxEngine, target: Picture, made: Patch) -> None:
    image = Image(np.ascontiguousarray(np.rot90(target[0].pixels)))
    other = engine.prepare([Portrait(image, replace(target[1], kps=target[1].kps[:, ::-1] + 20))])
    assert not np.array_equal(other.render(*target, QUICK, ignore_step).crop, made.crop)


def test_a_cancel_ends_it_at_any_step_and_the_next_run_is_whole(
    likeness: FluxLikeness, target: Picture, made: Patch
) -> None:
    options = QUICK.model_copy(update={"steps": 3})
    for at in (1, 2, 3):
        seen: list[tuple[int, int]] = []

        def stop(done: int, total: int, at: int = at, seen: list[tuple[int, int]] = seen) -> None:
            seen.append((done, total))
            if done == at:
                raise Cancelled("stopped by the person")

        with pytest.raises(Cancelled):
            likeness.render(*target, options, stop)
        assert seen == [(done, 3) for done in range(1, at + 1)]
    assert np.array_equal(likeness.render(*target, QUICK, ignore_step).crop, made.crop)


def test_identity_and_text_are_computed_once(engine: FluxEngine, reference: Picture, target: Picture) -> None:
    """The second swap with the same reference and prompt looks at neither again."""
    likeness = engine.prepare([Portrait(*reference)])
    calls: list[str] = []
    stack = engine.stack
    loads = stack.text("dev").loads  # other tests of this process have used it

    def note(name: str) -> Any:
        return lambda *_: calls.append(name)  # pyright: ignore[reportUnknownLambdaType]

    handles = [
        network.register_forward_hook(note(name))
        for name, network in (("eva", stack.eva), ("resampler", stack.resampler), ("id_former", stack.id_former))
    ]
    try:
        for _ in range(2):
            likeness.render(*target, QUICK, ignore_step)
    finally:
        for handle in handles:
            handle.remove()
    # The IDFormer runs twice by design: for the face, and for its own unconditional.
    assert sorted(calls) == ["eva", "id_former", "id_former", "resampler"]
    assert stack.text("dev").loads - loads <= 1


def test_methods_are_aimed_at_the_targets_face_in_the_working_picture(
    engine: FluxEngine, likeness: FluxLikeness, target: Picture
) -> None:
    """The control net is shown the *target's* points, and the face tokens act in the face's box alone."""
    image, face = target
    cut = cut_for((image.width, image.height), face, 256)
    vae = engine.stack.vae("full")
    control, pulid, faceid = likeness.identity_methods(face, cut, QUICK, vae)
    assert isinstance(control, InstantId)
    assert isinstance(faceid, FaceId)
    shown = keypoint_picture(cut.to_working(face.kps), *cut.outer)
    assert torch.equal(control.points, encode(vae, shown))
    assert faceid.region is not None
    assert torch.equal(faceid.region, face_tokens_of(face, cut))
    assert 0 < len(faceid.region) < cut.tokens / 2
    assert pulid.schedule.weight == QUICK.id_weight


def test_tokens_outside_the_mask_land_on_the_targets_own_latents(
    engine: FluxEngine, likeness: FluxLikeness, target: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every step the target is blended in again there."""
    landed: list[Tensor] = []

    def watched(velocity: Velocity, latents: Tensor, sigmas: Sequence[float], on_step: OnStep) -> Tensor:
        landed.append(denoise(velocity, latents, sigmas, on_step))
        return landed[-1]

    monkeypatch.setattr(engine_module, "denoise", watched)
    image, face = target
    patch = likeness.render(image, face, QUICK.model_copy(update={"strength": 0.5, "steps": 4}), ignore_step)
    cut = cut_for((image.width, image.height), face, QUICK.side)
    clean = encode(engine.stack.vae("full"), extract(image, cut))
    free = token_mask(patch.mask, cut)[:, 0] > 0
    torch.testing.assert_close(landed[0][:, ~free], clean[:, ~free], atol=1e-4, rtol=0)
    assert (landed[0][:, free] - clean[:, free]).abs().mean() > 0.1


def test_true_guidance_and_a_cache_run_through_the_whole_engine(likeness: FluxLikeness, target: Picture) -> None:
    guided = likeness.render(*target, QUICK.model_copy(update={"true_cfg_scale": 2.0}), ignore_step)
    cached = QUICK.model_copy(update={"steps": 3, "cache_threshold": 0.3})
    for patch in (guided, likeness.render(*target, cached, ignore_step)):
        assert patch.crop.shape[:2] == patch.mask.shape
        assert patch.crop.std() > 1


def test_true_guidance_begins_with_the_step_that_the_options_name(
    likeness: FluxLikeness, target: Picture, made: Patch
) -> None:
    """As in PuLID's application it is the second step by default; never is as off."""
    guided = QUICK.model_copy(update={"true_cfg_scale": 3.0})
    crops = {
        start: likeness.render(*target, guided.model_copy(update={"timestep_to_start_cfg": start}), ignore_step).crop
        for start in (0, 1, 2)
    }
    assert FluxOptions().timestep_to_start_cfg == 1
    assert not np.array_equal(crops[0], crops[1])
    assert not np.array_equal(crops[1], crops[2])
    assert np.array_equal(crops[2], made.crop)


@pytest.mark.usefixtures("with_options")
@pytest.mark.parametrize("change", [{"base": "schnell"}, {"base": "fill"}, {"decoder": "tiny"}])
def test_other_bases_and_the_quick_decoder_paint_inside_the_mask_alone(
    engine: FluxEngine, likeness: FluxLikeness, target: Picture, made: Patch, change: dict[str, Any]
) -> None:
    engine.stack.text("schnell").max_tokens = 32
    image, _ = target
    patch = likeness.render(*target, QUICK.model_copy(update=change), ignore_step)
    result = paste_back(image, patch)
    assert np.array_equal(patch.mask, made.mask)
    assert np.array_equal(result.pixels[:40], image.pixels[:40])
    assert (patch.crop != made.crop)[patch.mask > 0.5].mean() > 0.2
    assert np.array_equal(likeness.render(*target, QUICK, ignore_step).crop, made.crop), "dev paints as before"


@pytest.mark.parametrize(("size", "box"), [((100, 90), (20, 15, 60)), ((64, 300), (5, 200, 50))])
def test_a_face_that_fills_the_picture_takes_the_whole_of_it(
    likeness: FluxLikeness, size: tuple[int, int], box: tuple[int, int, int]
) -> None:
    """Pictures smaller than the model's size, and of odd proportions, come back exact."""
    from_left, from_top, side = box
    image = Image(np.full((size[1], size[0], 3), 90, np.uint8))
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    kps = (points * side + [from_left, from_top]).astype(np.float32)
    face = Face(np.array([from_left, from_top, from_left + side, from_top + side], np.float32), 0.9, kps)
    patch = likeness.render(image, face, QUICK, ignore_step)
    assert paste_back(image, patch).pixels.shape == image.pixels.shape


def test_two_faces_are_made_one_after_the_other_each_in_its_own_place(likeness: FluxLikeness, target: Picture) -> None:
    image, face = target
    other = replace(face, bbox=face.bbox - np.float32(110), kps=face.kps - np.float32(110))
    first = paste_back(image, likeness.render(image, face, QUICK, ignore_step))
    both = paste_back(first, likeness.render(first, other, QUICK, ignore_step))
    changed = (both.pixels != image.pixels).any(axis=2)
    for one in (face, other):
        left, top, right, bottom = one.bbox.astype(int)
        assert changed[max(0, top) : bottom, max(0, left) : right].mean() > 0.2
    assert not changed[-40:, :60].any()


def parse_always_as(regions: ParsingMap) -> Callable[[Pixels], ParsingMap]:
    """A parsing network that sees the same in every portrait."""

    def seen(_portrait: Pixels) -> ParsingMap:
        return regions

    return seen


def test_what_is_always_kept_is_kept_bit_for_bit(
    likeness: FluxLikeness, target: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Glasses, as the parsing network would see them across the eyes."""
    glasses = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    glasses[215:265, 150:360] = int(ParsingClass.GLASSES)
    monkeypatch.setattr(likeness.stack, "parse_face", parse_always_as(glasses))
    image, face = target
    patch = likeness.render(image, face, QUICK, ignore_step)
    result = paste_back(image, patch)
    eyes = face.kps[:2].round().astype(int)
    for x, y in (*eyes, eyes.mean(0).round().astype(int)):
        assert np.array_equal(result.pixels[y - 2 : y + 3, x - 2 : x + 3], image.pixels[y - 2 : y + 3, x - 2 : x + 3])
    mouth = face.kps[3:].mean(0).round().astype(int)
    assert (result.pixels[mouth[1], mouth[0]] != image.pixels[mouth[1], mouth[0]]).any()


def test_a_bald_reference_leaves_the_target_its_hair_and_says_so(
    engine: FluxEngine, reference: Picture, target: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bald = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    haired = bald.copy()
    haired[:200] = int(ParsingClass.HAIR)
    likeness = engine.prepare([Portrait(*reference)])
    monkeypatch.setattr(likeness.stack, "parse_face", parse_always_as(bald))
    assert likeness.identity.regions is bald
    without_hair = likeness.render(*target, QUICK, ignore_step)
    monkeypatch.setattr(likeness.stack, "parse_face", parse_always_as(haired))
    with_hair = likeness.render(*target, QUICK, ignore_step)
    assert without_hair.warnings == ()
    assert with_hair.warnings == ("hair-kept",)
    assert with_hair.mask.sum() < without_hair.mask.sum()
    forehead = target[1].kps[:2].mean(0) - [0, 0.35 * 90]
    row, column = (forehead[1] + with_hair.affine[1, 2]).round(), (forehead[0] + with_hair.affine[0, 2]).round()
    assert with_hair.mask[int(row), int(column)] == 0.0


class Opinionated:
    """A recogniser that is told what to say: an embedding is a number, and likeness is nearness."""

    recogniser = "fake"

    def __init__(self, *said: float) -> None:
        self.said = list(said)

    def embed(self, image: Image, face: Face) -> Floats:
        return np.array([self.said.pop(0)], np.float32)

    def similarity(self, one: Floats, other: Floats) -> float:
        return 1.0 - abs(float(one[0] - other[0]))


@pytest.mark.parametrize(
    ("first", "second", "kept"), [(0.9, 0.0, "first"), (0.2, 0.8, "second"), (0.3, 0.1, "first again")]
)
def test_the_drift_gate_tries_once_more_and_keeps_the_better_attempt(
    engine: FluxEngine, reference: Picture, target: Picture, made: Patch, first: float, second: float, kept: str
) -> None:
    """The reference is at 1 and the target at 0; a result below one half is nearer to the target."""
    with_mesh = replace(target[1], mesh=np.zeros((468, 3), np.float32))
    before = 0.0
    scorer = Opinionated(before, 1.0, first, before, second)
    steps: list[tuple[int, int]] = []
    seen = Portrait(reference[0], replace(reference[1], mesh=with_mesh.mesh))
    likeness = FluxLikeness(engine.stack, scorer, [seen])
    patch = likeness.render(target[0], with_mesh, QUICK, lambda done, total: steps.append((done, total)))
    assert np.array_equal(patch.crop, made.crop) == (kept != "second")
    wanted = [first, *([second] if first < 0.5 else [])]
    assert [scores.to_reference for scores in patch.attempts] == pytest.approx(wanted)
    assert steps[:2] == [(1, 2), (2, 2)]
    assert steps[2:] == ([] if kept == "first" else [(2, 2), (2, 2)])


def test_a_recogniser_whose_card_fails_runs_on_the_processor_and_the_report_says_so(
    engine: FluxEngine, reference: Picture, target: Picture, made: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "processor-instead" not in made.warnings
    monkeypatch.setitem(sys.modules, "onnxruntime", CardRuntime(CUDA, "run-raises"))
    monkeypatch.delenv("MIEN_DEVICE", raising=False)
    monkeypatch.setitem(vars(engine.stack), "arcface", ArcFaceRecogniser(engine.stack.files.arcface))
    assert {each.ran_on for each in engine.models} == {None, CUDA}
    again = engine.prepare([Portrait(*reference)]).render(*target, QUICK, ignore_step)
    assert "processor-instead" in again.warnings
    assert np.array_equal(again.crop, made.crop)
    assert {each.ran_on for each in engine.models} == {None, PROCESSOR}
