"""FLUX.2 [klein] on its tiny bundle: a head in its place, tried again where it is not, and nothing else changed."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from mien_core.errors import EngineUnavailable, GpuOutOfMemory, InvalidOptions
from mien_pipeline.engines.diffusion.shown_steps import ignore_latents
from mien_pipeline.engines.diffusion.target import Cut
from mien_pipeline.engines.klein.components import plan_stack, published_shapes
from mien_pipeline.engines.klein.engine import MOST_REFERENCES, PROMPTS, KleinEngine, KleinLikeness
from mien_pipeline.engines.klein.files import FULL, LORAS
from mien_pipeline.engines.klein.options import PRESETS, KleinOptions
from mien_pipeline.engines.klein.retries import plan_tries
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.velocity import ReadPicture
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.memory_limits import MemoryLimits
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.protocols import Remembers, ShowsSteps
from mien_pipeline.report import ModelUse
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.swap_image import refuse_unchanged
from mien_testing.klein import QUICK
from mien_testing.trusting_klein import trust

NOTHING = 0.0
TWICE = QUICK.model_copy(update={"retries": 1})


class Painter(KleinLikeness):
    """Its model paints the target again, so many times as large as the seed says, once by default; or grey."""

    def __init__(self, engine: KleinEngine, portraits: list[Portrait], grown: Mapping[int, float]) -> None:
        super().__init__(engine, portraits)
        self.grown = grown
        self.asked: list[KleinOptions] = []

    def make(
        self,
        pixels: Pixels,
        cut: Cut,
        options: KleinOptions,
        on_step: OnStep,
        show: Callable[[Tensor], None] = ignore_latents,
    ) -> Pixels:
        self.asked.append(options)
        for step in range(options.steps):
            on_step(step + 1, options.steps)
        scale = self.grown.get(options.seed, 1.0)
        height, width = pixels.shape[:2]
        if scale == NOTHING:
            return np.full_like(pixels, 128)
        affine = np.array([[scale, 0, width / 2 * (1 - scale)], [0, scale, height / 2 * (1 - scale)]], np.float32)
        return np.asarray(cv2.warpAffine(pixels, affine, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.fixture(scope="module")
def likeness(stack: Stack, detector: MeshDetector, admiral: Portrait) -> KleinLikeness:
    return KleinEngine(stack, trust(detector)).prepare([admiral])


@pytest.mark.parametrize("region", ["face", "head"])
def test_the_size_is_exact_and_what_is_outside_the_mask_is_the_targets(
    likeness: KleinLikeness, astronaut: Portrait, region: str
) -> None:
    image = Image(np.ascontiguousarray(astronaut.image.pixels[:387, 3:]))
    shift = np.array([3, 0], np.float32)
    assert astronaut.face.mesh is not None
    face = Face(
        astronaut.face.bbox - np.tile(shift, 2), 1.0, astronaut.face.kps - shift,
        astronaut.face.mesh - np.array([3, 0, 0], np.float32),
    )  # fmt: skip
    patch = likeness.render(image, face, QUICK.model_copy(update={"region": region}), ignore_step)
    result = paste_back(image, patch)
    assert result.pixels.shape == image.pixels.shape
    x, y = (round(-float(value)) for value in patch.affine[:, 2])
    kept = np.ones(image.pixels.shape[:2], bool)
    kept[y : y + patch.mask.shape[0], x : x + patch.mask.shape[1]] = patch.mask == 0
    assert np.array_equal(result.pixels[kept], image.pixels[kept])
    assert (result.pixels != image.pixels).any()


def test_the_face_alone_keeps_the_targets_hair_and_the_head_does_not(
    likeness: KleinLikeness, astronaut: Portrait
) -> None:
    image, face = astronaut
    hair = int(face.bbox[1] - 0.2 * (face.bbox[3] - face.bbox[1])), int(face.bbox[[0, 2]].mean())
    changed = {
        region: paste_back(
            image, likeness.render(image, face, QUICK.model_copy(update={"region": region}), ignore_step)
        )
        for region in ("face", "head")
    }
    assert np.array_equal(changed["face"].pixels[hair], image.pixels[hair])
    assert not np.array_equal(changed["head"].pixels[hair], image.pixels[hair])


def test_every_option_of_the_walk_changes_the_picture(likeness: KleinLikeness, astronaut: Portrait) -> None:
    once = QUICK.model_copy(update={"steps": 1})
    plain = likeness.render(*astronaut, once, ignore_step).crop
    for change in ({"seed": 1}, {"steps": 2}, {"lora_scale": 0.0}, {"repeats": 2}, {"reference_side": 272},
                   {"prompt": "a head"}):  # fmt: skip
        other = likeness.render(*astronaut, once.model_copy(update=change), ignore_step).crop
        assert not np.array_equal(other, plain), change


def test_each_picture_of_a_person_is_read_up_to_a_number(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    one, two = (engine.prepare([admiral][:1] + [astronaut] * more) for more in (0, 1))
    assert not np.array_equal(
        one.render(*astronaut, QUICK, ignore_step).crop, two.render(*astronaut, QUICK, ignore_step).crop
    )
    assert len(engine.prepare([admiral] * 20).portraits) == MOST_REFERENCES


def test_a_head_that_grew_is_tried_again_with_another_noise(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    second = list(plan_tries(TWICE))[1].seed
    painter = Painter(engine, [admiral], {0: 1.28, second: 1.04})
    steps: list[int] = []
    patch = painter.render(*astronaut, TWICE, lambda done, _total: steps.append(done))
    assert [each.seed for each in painter.asked] == [0, second]
    assert steps == sorted(steps)
    assert patch.face is not None
    assert np.abs(patch.face.bbox - astronaut.face.bbox).max() < 0.04 * np.ptp(astronaut.face.bbox[[0, 2]])


def test_a_head_in_its_place_is_not_tried_again(engine: KleinEngine, admiral: Portrait, astronaut: Portrait) -> None:
    painter = Painter(engine, [admiral], {})
    painter.render(*astronaut, TWICE, ignore_step)
    assert len(painter.asked) == 1


def test_where_every_try_is_out_of_place_the_best_is_taken(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    painter = Painter(engine, [admiral], dict.fromkeys([each.seed for each in plan_tries(TWICE)], 1.3))
    patch = painter.render(*astronaut, TWICE, ignore_step)
    assert len(painter.asked) == 2
    assert patch.mask.any()
    assert patch.warnings == ("out-of-place",)


@pytest.mark.parametrize("first", [NOTHING, 1.3])
def test_a_face_out_of_its_place_is_better_than_none(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait, first: float
) -> None:
    second = list(plan_tries(TWICE))[1].seed
    painter = Painter(engine, [admiral], {0: first, second: 1.3 if first == NOTHING else NOTHING})
    patch = painter.render(*astronaut, TWICE, ignore_step)
    assert len(painter.asked) == 2
    assert patch.mask.any()
    assert patch.warnings == ("out-of-place",)


def test_a_picture_without_a_face_changes_nothing_and_warns(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    painter = Painter(engine, [admiral], dict.fromkeys([each.seed for each in plan_tries(TWICE)], NOTHING))
    patch = painter.render(*astronaut, TWICE, ignore_step)
    assert len(painter.asked) == 2
    assert not patch.mask.any()
    assert patch.warnings == ("out-of-place",)
    assert refuse_unchanged([patch]).fields["warnings"] == ["out-of-place"]


class Exhausted(Painter):
    """The card has no memory for try number `lacking`, counted from 0."""

    lacking = 1

    def make(
        self,
        pixels: Pixels,
        cut: Cut,
        options: KleinOptions,
        on_step: OnStep,
        show: Callable[[Tensor], None] = ignore_latents,
    ) -> Pixels:
        made = super().make(pixels, cut, options, on_step, show)
        if len(self.asked) == self.lacking + 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return made

    def try_all(self, target: Image, face: Face) -> Patch:
        """Every try under one memory plan."""
        return self._render_best(target, face, TWICE, ignore_step)


def test_what_a_try_made_is_kept_where_the_next_one_has_no_memory(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    plan = engine.stack.plan
    painter = Exhausted(engine, [admiral], dict.fromkeys([each.seed for each in plan_tries(TWICE)], 1.3))
    patch = painter.render(*astronaut, TWICE, ignore_step)
    assert len(painter.asked) == 2
    assert patch.mask.any()
    assert "less-memory" not in patch.warnings
    assert engine.stack.plan is plan


def test_a_try_without_memory_after_one_without_a_face_is_told(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    with pytest.raises(GpuOutOfMemory):
        Exhausted(engine, [admiral], {0: NOTHING}).try_all(*astronaut)


def test_a_first_try_without_memory_is_told(engine: KleinEngine, admiral: Portrait, astronaut: Portrait) -> None:
    painter = Exhausted(engine, [admiral], {})
    painter.lacking = 0
    with pytest.raises(GpuOutOfMemory):
        painter.try_all(*astronaut)


class Recogniser:
    """Each look at the target's face is somebody: the target, then what was made by each try."""

    recogniser = "fake"

    def __init__(self, made: list[Floats], detector: MeshDetector) -> None:
        self.looks: list[Floats] = made
        self.faces: list[Face] = []

    def embed(self, image: Image, face: Face) -> Floats:
        self.faces.append(face)
        return self.looks.pop(0)

    def similarity(self, one: Floats, other: Floats) -> float:
        return float(one @ other)


def test_a_face_that_is_still_the_targets_is_tried_again(
    stack: Stack, detector: MeshDetector, admiral: Portrait, astronaut: Portrait
) -> None:
    target, reference = np.eye(2, dtype=np.float32)
    # In the order of the looks: the target, the reference, the first result; then the target and the second.
    scorer = Recogniser([target, reference, target, target, reference], detector)
    painter = Painter(KleinEngine(stack, detector, scorer=scorer), [admiral], {})
    patch = painter.render(*astronaut, TWICE, ignore_step)
    assert [(each.to_reference, each.to_target) for each in patch.attempts] == [(0.0, 1.0), (1.0, 0.0)]
    assert len(painter.asked) == 2


def test_the_gate_looks_where_the_new_face_is(
    stack: Stack, detector: MeshDetector, admiral: Portrait, astronaut: Portrait
) -> None:
    target, reference = np.eye(2, dtype=np.float32)
    scorer = Recogniser([target, reference, reference], detector)
    painter = Painter(KleinEngine(stack, detector, scorer=scorer), [admiral], {0: 1.05})
    patch = painter.render(*astronaut, QUICK.model_copy(update={"region": "head"}), ignore_step)
    assert scorer.faces[-1] is patch.face


def test_the_default_prompt_is_kept_beside_the_machines_limits(
    engine: KleinEngine, likeness: KleinLikeness, astronaut: Portrait, tmp_path: Path
) -> None:
    assert isinstance(engine, Remembers)
    engine.stack.replan(engine.stack.plan)
    engine.stack.text.max_tokens = 32
    engine.remember(MemoryLimits(tmp_path))
    likeness.render(*astronaut, QUICK, ignore_step)
    assert len(list((tmp_path / PROMPTS).iterdir())) == 1


class Reader(Painter):
    """Its VAE tells only how large a picture is."""

    def _encode(self, pixels: Pixels) -> ReadPicture:
        height, width = pixels.shape[:2]
        return ReadPicture(torch.empty(1, height // 16 * (width // 16), 0), (width, height))

    def show(self, options: KleinOptions) -> list[ReadPicture]:
        """All pictures of the reference in one walk."""
        return self._references(options.reference_side, options.repeats)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_try_reads_more_than_the_memory_plan_counts(
    stack: Stack, engine: KleinEngine, astronaut: Portrait, preset: str
) -> None:
    """Nor more than the plan to step down to: it counts as much."""
    reader = Reader(engine, [astronaut] * MOST_REFERENCES, {})
    asked = KleinOptions.model_validate({**PRESETS[preset], "repeats": 1, "retries": 4})
    for options in [*plan_tries(asked), *plan_tries(asked.model_copy(update={"repeats": 3}))]:
        tokens = sum(each.latents.shape[1] for each in reader.show(options))
        assert 0 < tokens <= stack.plan.workload.context_tokens - 512
    assert stack.plan_for(stack.device) == stack.plan


def test_every_picture_is_shown_before_one_is_shown_again(engine: KleinEngine, astronaut: Portrait) -> None:
    shown = Reader(engine, [astronaut] * MOST_REFERENCES, {}).show(KleinOptions(repeats=2))
    assert [shown.index(each) for each in shown] == [0, 1, 2, 0]


def test_a_processor_is_refused_at_the_published_size() -> None:
    with pytest.raises(EngineUnavailable, match="graphics card"):
        plan_stack(published_shapes(), "cpu", 1 << 40, ["float32", "bfloat16"], 1024)


def test_a_head_with_its_hair_and_masks_that_keep_hair_are_refused_together() -> None:
    assert parse_options({"engine": "klein", "masks": ["bisenet"]}).masks == ("bisenet",)
    with pytest.raises(InvalidOptions) as refused:
        parse_options({"engine": "klein", "region": "head", "masks": ["bisenet"]})
    assert refused.value.fields["field"] == "masks"


def test_of_the_transformers_the_one_that_the_plan_takes_is_named(stack: Stack, detector: MeshDetector) -> None:
    names = [f"{FULL}/a", "flux-2-klein-4b-q4/b", "flux2-vae/c"]
    engine = KleinEngine(stack, detector, [ModelUse(name, "") for name in names])
    assert [each.name for each in engine.models] == [names[0], names[2]]


def test_the_lora_is_named_in_the_result_unless_the_walk_did_without_it(
    engine: KleinEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    likeness = engine.prepare([admiral])
    named: list[bool] = []
    for scale in (0.0, 1.0):
        likeness.render(*astronaut, QUICK.model_copy(update={"lora_scale": scale, "steps": 1}), ignore_step)
        named.append(any(model.name.startswith(LORAS) for model in engine.models))
    assert named == [False, True]


def test_steps_are_shown_and_change_nothing(
    stack: Stack, detector: MeshDetector, admiral: Portrait, astronaut: Portrait
) -> None:
    engine = KleinEngine(stack, trust(detector))
    assert isinstance(engine, ShowsSteps)
    seen: list[tuple[Image, Patch]] = []
    engine.show_steps(lambda image, patch: seen.append((image, patch)))
    likeness = engine.prepare([admiral])
    shown = likeness.render(*astronaut, QUICK, ignore_step)
    assert seen
    for image, patch in seen:
        assert image is astronaut.image
        assert patch.crop.shape[:2] == patch.mask.shape
        assert np.ptp(patch.crop) > 0
    engine.show_steps(None)
    assert np.array_equal(likeness.render(*astronaut, QUICK, ignore_step).crop, shown.crop)


def test_a_card_without_room_for_a_step_shows_none_and_goes_on(
    stack: Stack, detector: MeshDetector, admiral: Portrait, astronaut: Portrait
) -> None:
    engine = KleinEngine(stack, trust(detector))

    def refuse(_image: Image, _patch: Patch) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine.show_steps(refuse)
    patch = engine.prepare([admiral]).render(*astronaut, QUICK, ignore_step)
    assert patch.mask.any()
    assert "less-memory" not in patch.warnings


def test_its_options_have_no_strength() -> None:
    assert "strength" not in KleinOptions.model_fields
    assert issubclass(KleinOptions, SwapOptions)
