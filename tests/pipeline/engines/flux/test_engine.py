"""The engine promises, on the tiny bundle: the target's size and pixels are kept, seeds repeat, every step can stop it.

What it paints there is noise; who it looks like is a question for real weights.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer, CLIPTextModel, T5EncoderModel

from mien_core.errors import (
    BrokenWeights,
    Cancelled,
    EngineUnavailable,
    InvalidOptions,
    LicenceNotAccepted,
    ModelNotInstalled,
    NotEnoughMemory,
)
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.parsing import ParsingClass
from mien_pipeline.engines.diffusion.reference import ParsingMap
from mien_pipeline.engines.diffusion.target import cut_for, extract
from mien_pipeline.engines.flux import engine as engine_module
from mien_pipeline.engines.flux import transformer
from mien_pipeline.engines.flux.engine import FluxEngine, FluxLikeness, load
from mien_pipeline.engines.flux.faceid import FaceId
from mien_pipeline.engines.flux.files import FULL, SINGLE, find_files
from mien_pipeline.engines.flux.instantid import InstantId, keypoint_picture
from mien_pipeline.engines.flux.latents import encode, face_tokens_of, token_mask
from mien_pipeline.engines.flux.plan import available_forms, plan_memory
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.engines.flux.tiny.bundle import OPTIONAL
from mien_pipeline.engines.flux.tiny.networks import FLUX as TINY_FLUX
from mien_pipeline.engines.flux.transformer import load_single_file, load_transformer
from mien_pipeline.engines.registry import missing_models
from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.options import FluxOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.sampling import Velocity, denoise
from mien_pipeline.skin.blend import paste_back

QUICK = FluxOptions(side=256, steps=2, strength=1.0)
Picture = tuple[Image, Face]


@pytest.fixture(scope="module")
def likeness(engine: FluxEngine, reference: Picture) -> FluxLikeness:
    return engine.prepare(*reference)


@pytest.fixture(scope="module")
def made(likeness: FluxLikeness, target: Picture) -> Patch:
    return likeness.render(*target, QUICK, ignore_step)


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


@pytest.mark.parametrize("part", ["id_weight", "ip_adapter_scale", "controlnet_conditioning_scale"])
def test_every_part_changes_the_picture(likeness: FluxLikeness, target: Picture, made: Patch, part: str) -> None:
    without = likeness.render(*target, QUICK.model_copy(update={part: 0.0}), ignore_step)
    assert not np.array_equal(without.crop, made.crop)


def test_another_reference_makes_another_picture(engine: FluxEngine, target: Picture, made: Patch) -> None:
    image = Image(np.ascontiguousarray(np.rot90(target[0].pixels)))
    other = engine.prepare(image, replace(target[1], kps=target[1].kps[:, ::-1] + 20))
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
    likeness = engine.prepare(*reference)
    calls: list[str] = []
    stack = engine.stack

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
    assert stack.text("dev").loads == 1


def test_pulid_is_given_the_raw_embedding_and_what_enters_every_fourth_block_of_eva(
    engine: FluxEngine, reference: Picture
) -> None:
    """Five levels of the tower, and one vector: ArcFace as it comes, then EVA's embedding at unit length."""
    stack, entering, given = engine.stack, dict[int, Tensor](), list[tuple[Any, ...]]()

    def enters(index: int) -> Any:
        def hook(_module: object, inputs: tuple[Tensor]) -> None:
            entering[index] = inputs[0]

        return hook

    def gives(_module: object, inputs: tuple[Any, ...]) -> None:
        given.append(inputs)

    handles = [block.register_forward_pre_hook(enters(index)) for index, block in enumerate(stack.eva.blocks)]
    handles.append(stack.id_former.register_forward_pre_hook(gives))
    likeness = engine.prepare(*reference)
    try:
        assert likeness.id_tokens.cond.shape == likeness.id_tokens.uncond.shape
    finally:
        for handle in handles:
            handle.remove()
    (face, levels), (no_face, no_levels) = given
    for index, level in zip((4, 8, 12, 16, 20), levels, strict=True):
        assert torch.equal(level, entering[index])
    assert torch.equal(face[:, :512], likeness.embedding)
    torch.testing.assert_close(face[:, 512:].norm(dim=-1), torch.ones(1))
    assert not no_face.any()
    assert not any(level.any() for level in no_levels)


def test_parts_are_aimed_at_the_targets_face_in_the_working_picture(
    engine: FluxEngine, likeness: FluxLikeness, target: Picture
) -> None:
    """The control net is shown the *target's* points, and the face tokens act in the face's box alone."""
    image, face = target
    cut = cut_for((image.width, image.height), face, 256)
    vae = engine.stack.vae("full")
    control, pulid, faceid = likeness.parts(face, cut, QUICK, vae)
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
    """Whatever the model wants there: after every step the target is blended in again."""
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


def test_the_prompt_is_encoded_as_flux_1s_pipeline_encodes_it(engine: FluxEngine) -> None:
    folder = engine.stack.files.base
    clip: Any = CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True)
    t5: Any = T5EncoderModel.from_pretrained(folder / "text_encoder_2", local_files_only=True)
    tokenizers: list[Any] = [AutoTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")]
    tokenizers[0].model_max_length = 77
    empty: Any = None
    pipeline: Any = FluxPipeline(empty, empty, clip, tokenizers[0], t5, tokenizers[1], empty)
    with torch.no_grad():
        tokens, pooled, _ = pipeline.encode_prompt("a portrait, freckles", None, max_sequence_length=32)
    ours = engine.stack.text("dev").encode("a portrait, freckles")[0]
    torch.testing.assert_close(ours.tokens, tokens)
    torch.testing.assert_close(ours.pooled, pooled)


def test_true_guidance_and_a_cache_run_through_the_whole_engine(likeness: FluxLikeness, target: Picture) -> None:
    guided = likeness.render(*target, QUICK.model_copy(update={"true_cfg_scale": 2.0}), ignore_step)
    cached = QUICK.model_copy(update={"steps": 3, "cache_threshold": 0.3})
    for patch in (guided, likeness.render(*target, cached, ignore_step)):
        assert patch.crop.shape[:2] == patch.mask.shape
        assert patch.crop.std() > 1


@pytest.fixture(scope="module")
def with_options(store: ModelStore) -> ModelStore:
    """The store with every other base, decoder and adapter in it as well."""
    store.pull(OPTIONAL)
    return store


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


def test_xlabs_adapter_paints_in_withanyones_place(
    engine: FluxEngine, with_options: ModelStore, reference: Picture, target: Picture, made: Patch
) -> None:
    """Its CLIP tower looks at the reference; the other two parts are the same."""
    files = replace(
        engine.stack.files,
        faceid=with_options.path("xlabs-ip-adapter"),
        faceid_layout="xlabs",
        clip=with_options.path("clip-vit-l14"),
    )
    stack = Stack(with_options, files, engine.stack.device, plan_memory(files, engine.stack.device, 1024))
    stack.text("dev").max_tokens = 32
    likeness = FluxEngine(stack).prepare(*reference)
    painted = likeness.render(*target, QUICK, ignore_step)
    assert not np.array_equal(painted.crop, made.crop)
    off = QUICK.model_copy(update={"ip_adapter_scale": 0.0})
    without = likeness.render(*target, off, ignore_step)
    assert not np.array_equal(painted.crop, without.crop)
    assert np.array_equal(without.crop, engine.prepare(*reference).render(*target, off, ignore_step).crop)


def test_a_base_that_is_not_installed_is_refused_by_name_before_anything_is_loaded(
    store: ModelStore, tmp_path: Path, engine: FluxEngine, reference: Picture, target: Picture
) -> None:
    stack = Stack(ModelStore(tmp_path, store.catalogue), engine.stack.files, engine.stack.device, engine.stack.plan)
    for change, model in (({"base": "fill"}, "flux-1-fill-dev"), ({"decoder": "tiny"}, "taef1")):
        with pytest.raises(ModelNotInstalled) as refused:
            FluxEngine(stack).prepare(*reference).render(*target, QUICK.model_copy(update=change), ignore_step)
        assert refused.value.fields["command"] == f"mien models pull {model}"
    assert "parsing" not in vars(stack)


def test_a_plan_for_a_gguf_file_has_no_room_for_another_bases_full_weights(
    engine: FluxEngine, with_options: ModelStore
) -> None:
    plan = engine.stack.plan
    packed = tuple(replace(each, form="gguf-q4") for each in plan.placements)
    stack = Stack(with_options, engine.stack.files, engine.stack.device, replace(plan, placements=packed))
    with pytest.raises(InvalidOptions) as refused:
        stack.check("schnell", "full")
    assert refused.value.fields["field"] == "base"
    stack.check("dev", "tiny")


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


def always(regions: ParsingMap) -> Callable[[object, Pixels], ParsingMap]:
    """A parsing network that sees the same in every portrait."""

    def seen(_stack: object, _portrait: Pixels) -> ParsingMap:
        return regions

    return seen


def test_what_is_always_kept_is_kept_bit_for_bit(
    likeness: FluxLikeness, target: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Glasses, as the parsing network would see them across the eyes."""
    glasses = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    glasses[215:265, 150:360] = int(ParsingClass.GLASSES)
    monkeypatch.setattr(engine_module, "_regions", always(glasses))
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
    likeness = engine.prepare(*reference)
    monkeypatch.setattr(engine_module, "_regions", always(bald))
    assert likeness.regions is bald
    without_hair = likeness.render(*target, QUICK, ignore_step)
    monkeypatch.setattr(engine_module, "_regions", always(haired))
    with_hair = likeness.render(*target, QUICK, ignore_step)
    assert without_hair.warnings == ()
    assert with_hair.warnings == ("hair-kept",)
    assert with_hair.mask.sum() < without_hair.mask.sum()
    forehead = target[1].kps[:2].mean(0) - [0, 0.35 * 90]
    row, column = (forehead[1] + with_hair.affine[1, 2]).round(), (forehead[0] + with_hair.affine[0, 2]).round()
    assert with_hair.mask[int(row), int(column)] == 0.0


def test_all_that_is_missing_is_named_at_once_with_the_command_that_gets_it(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled) as refused:
        load(ModelStore(tmp_path, store.catalogue))
    fields = refused.value.fields
    assert "flux-1-dev-transformer/transformer/config.json" in list(fields["files"])  # type: ignore[call-overload]
    assert "pulid-flux/pulid_flux_v0.9.1.safetensors" in list(fields["files"])  # type: ignore[call-overload]
    assert str(fields["command"]).startswith("mien models pull ")
    assert "withanyone" in str(fields["command"])


def test_terms_that_are_not_accepted_are_refused_before_anything_is_loaded(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = ModelStore.path

    def path(self: ModelStore, model: str, file: str | None = None) -> Path:
        if model == "infiniteyou":
            raise LicenceNotAccepted("its terms must be accepted first", model=model)
        return accepted(self, model, file)

    monkeypatch.setattr(ModelStore, "path", path)
    with pytest.raises(LicenceNotAccepted) as refused:
        load(store)
    assert refused.value.fields["model"] == "infiniteyou"


def test_a_gguf_file_stands_in_for_the_full_transformer(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever pulled the bundle for small cards is told of no missing 22 GiB."""
    here = {name for name in store.catalogue.models if store.is_installed(name)} - {FULL}

    def is_installed(_store: ModelStore, model: str) -> bool:
        return model in here

    monkeypatch.setattr(ModelStore, "is_installed", is_installed)
    assert FULL in missing_models("flux", store)
    here.add("flux-1-dev-q4")
    assert FULL not in missing_models("flux", store)


def test_too_little_memory_is_refused_before_loading_with_the_plan(engine: FluxEngine) -> None:
    device = replace(engine.stack.device, kind="discrete", total_bytes=(3 << 30) // 4 + 1000)
    with pytest.raises(NotEnoughMemory) as refused:
        plan_memory(engine.stack.files, device, 1024)
    plan: Any = refused.value.fields["plan"]
    assert plan["fits"] is False
    assert {row["name"] for row in plan["components"]} >= {"transformer", "control_net", "faceid", "text_encoder_2"}
    assert refused.value.fields["would_fit"]


def test_every_weight_file_in_use_is_named_with_its_digest(engine: FluxEngine, store: ModelStore) -> None:
    names = {use.name for use in engine.models}
    assert {"antelopev2/glintr100.onnx", "infiniteyou/image_proj_model.safetensors"} <= names
    assert all(len(use.sha256) == 64 for use in engine.models)


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
    likeness = FluxLikeness(engine.stack, scorer, reference[0], replace(reference[1], mesh=with_mesh.mesh))
    patch = likeness.render(target[0], with_mesh, QUICK, lambda done, total: steps.append((done, total)))
    assert np.array_equal(patch.crop, made.crop) == (kept != "second")
    wanted = [first, *([second] if first < 0.5 else [])]
    assert [scores.to_reference for scores in patch.attempts] == pytest.approx(wanted)
    assert steps[:2] == [(1, 2), (2, 2)]
    assert steps[2:] == ([] if kept == "first" else [(2, 2), (2, 2)])


# A width that 8-bit blocks of 32 divide.
SMALL_FLUX: dict[str, Any] = TINY_FLUX | {
    "num_layers": 1,
    "num_single_layers": 1,
    "num_attention_heads": 4,
    "joint_attention_dim": 64,
    "pooled_projection_dim": 64,
}


def test_one_file_holds_what_a_folder_holds(tmp_path: Path) -> None:
    """Whoever has FLUX.1's transformer in one file, from another program, needs no second copy of it."""
    full: Any = FluxTransformer2DModel(**SMALL_FLUX).eval()
    save_file(full.state_dict(), tmp_path / "flux1-dev.safetensors")
    loaded = load_single_file(tmp_path / "flux1-dev.safetensors", "float32", SMALL_FLUX)
    read = loaded.state_dict()
    assert read.keys() == full.state_dict().keys()
    assert all(torch.equal(read[name], value) for name, value in full.state_dict().items())
    (tmp_path / "other.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(BrokenWeights, match=r"other\.safetensors"):
        load_transformer(tmp_path / "other.safetensors", "float32")


def test_a_single_file_stands_in_for_the_folder(
    engine: FluxEngine, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is planned for in every form that full weights have, at published size."""
    path = ModelStore.path

    def one_file(self: ModelStore, model: str, file: str | None = None) -> Path:
        if model == FULL:
            raise ModelNotInstalled("it is not", model=model, files=["transformer/config.json"])
        return Path(__file__) if model == SINGLE else path(self, model, file)

    monkeypatch.setattr(ModelStore, "path", one_file)
    files = find_files(store)
    assert files.transformer == Path(__file__)
    assert available_forms(files) >= {"bfloat16", "float8"}
    plan = plan_memory(files, replace(engine.stack.device, kind="discrete", total_bytes=80 << 30), 1024)
    assert plan.of("transformer").component.bytes_as("bfloat16") > 20 << 30


def test_a_gguf_file_is_the_transformer_it_was_written_from(tmp_path: Path) -> None:
    """Kept in 8-bit blocks, computed in float: close to the full weights, and another file is refused."""
    config = SMALL_FLUX
    full: Any = FluxTransformer2DModel(**config).eval()
    writer: Any = gguf.GGUFWriter(tmp_path / "flux.gguf", "flux")
    for name, value in full.state_dict().items():
        array = value.numpy()
        if array.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, array)
    for end in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, end)()
    packed: Any = load_single_file(tmp_path / "flux.gguf", "gguf-q8", config)
    given = {
        "hidden_states": torch.randn(1, 4, 64),
        "encoder_hidden_states": torch.randn(1, 3, 64),
        "pooled_projections": torch.randn(1, 64),
        "timestep": torch.tensor([0.5]),
        "guidance": torch.tensor([3.5]),
        "img_ids": torch.zeros(4, 3),
        "txt_ids": torch.zeros(3, 3),
    }
    with torch.no_grad():
        written = full(**given, return_dict=False)[0]
        read = packed(**{key: value.to(torch.bfloat16) for key, value in given.items()}, return_dict=False)[0]
    torch.testing.assert_close(read.float(), written, atol=0.1, rtol=0.1)
    (tmp_path / "other.gguf").write_bytes(b"GGUF and nothing behind it")
    with pytest.raises(BrokenWeights, match=r"other\.gguf"):
        load_single_file(tmp_path / "other.gguf", "gguf-q8", config)


def test_a_form_whose_library_is_not_installed_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_installed(_name: str) -> None:
        return None

    monkeypatch.setattr(transformer, "find_spec", nothing_installed)
    with pytest.raises(EngineUnavailable) as refused:
        transformer.check_libraries("nf4")
    assert refused.value.fields["libraries"] == ["bitsandbytes"]


def test_no_form_is_planned_whose_library_is_not_installed(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full weights become other forms; a GGUF file alone does not."""
    files = find_files(store)
    monkeypatch.setattr(transformer, "find_spec", {"bitsandbytes": "there"}.get)
    assert available_forms(files) == {"float32", "bfloat16", "float8", "nf4"}
    with pytest.raises(EngineUnavailable, match="gguf"):
        available_forms(replace(files, transformer=None, gguf={"gguf-q4": Path("flux.gguf")}))


def test_a_damaged_shard_is_refused_with_what_it_lacks(store: ModelStore, tmp_path: Path) -> None:
    whole = find_files(store).transformer
    assert whole is not None
    shutil.copytree(whole, tmp_path / "transformer")
    shard = next((tmp_path / "transformer").glob("*00002*safetensors"))
    shard.chmod(0o600)
    tensors = load_file(shard)
    dropped = min(tensors)
    save_file({name: value for name, value in tensors.items() if name != dropped}, shard)
    with pytest.raises(BrokenWeights) as refused:
        transformer.load_transformer(tmp_path / "transformer", "float32")
    assert refused.value.fields["missing"] == [dropped]
