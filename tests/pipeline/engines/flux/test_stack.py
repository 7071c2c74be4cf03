"""What options need is checked before anything is loaded, and XLabs' adapter can take WithAnyone's place."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mien_core.errors import InvalidOptions, ModelNotInstalled
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.flux import stack as stack_module
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.inject import first_block_cache, inject_residuals
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Patch, Portrait
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import VAE_CHANNELS, VAE_TILE, Residency
from mien_pipeline.progress import ignore_step
from mien_testing.tiny import QUICK, Picture


def test_xlabs_adapter_paints_in_withanyones_place(
    engine: FluxEngine, with_options: ModelStore, reference: Picture, target: Picture, made: Patch
) -> None:
    """Its CLIP tower looks at the reference; the other two methods are the same."""
    files = replace(
        engine.stack.files,
        faceid=with_options.path("xlabs-ip-adapter"),
        faceid_layout="xlabs",
        clip=with_options.path("clip-vit-l14"),
    )
    stack = Stack(with_options, files, engine.stack.device, plan_memory(files, engine.stack.device, 1024))
    stack.text("dev").max_tokens = 32
    likeness = FluxEngine(stack).prepare([Portrait(*reference)])
    painted = likeness.render(*target, QUICK, ignore_step)
    assert not np.array_equal(painted.crop, made.crop)
    off = QUICK.model_copy(update={"ip_adapter_scale": 0.0})
    without = likeness.render(*target, off, ignore_step)
    assert not np.array_equal(painted.crop, without.crop)
    assert np.array_equal(without.crop, engine.prepare([Portrait(*reference)]).render(*target, off, ignore_step).crop)


def test_a_base_that_is_not_installed_is_refused_by_name_before_anything_is_loaded(
    store: ModelStore, tmp_path: Path, engine: FluxEngine, reference: Picture, target: Picture
) -> None:
    stack = Stack(ModelStore(tmp_path, store.catalogue), engine.stack.files, engine.stack.device, engine.stack.plan)
    likeness = FluxEngine(stack).prepare([Portrait(*reference)])
    for change, model in (({"base": "fill"}, "flux-1-fill-dev"), ({"decoder": "tiny"}, "taef1")):
        with pytest.raises(ModelNotInstalled) as refused:
            likeness.render(*target, QUICK.model_copy(update=change), ignore_step)
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


@pytest.mark.parametrize(("form", "residency"), [("bfloat16", "resident"), ("float8", "streamed")])
def test_one_transformer_is_alive_after_a_change_of_base(
    engine: FluxEngine, with_options: ModelStore, form: NumberFormat, residency: Residency
) -> None:
    """Its memory is free at once: no garbage collection is waited for, although hooks and modules hold each other."""
    stack = with_plan(engine.stack, with_options, "transformer", form, residency)
    gc.collect()
    gc.disable()
    try:
        with inject_residuals(stack.transformer("dev")), first_block_cache(stack.transformer("dev"), 0.1):
            pass
        first = references(stack.transformer("dev"))
        second = stack.transformer("schnell")
        assert not [each() for each in first if each() is not None]
        assert second is stack.transformer("schnell")
    finally:
        gc.enable()


@pytest.mark.parametrize(("form", "residency"), [("float8", "on-demand"), ("bfloat16", "streamed")])
def test_a_text_encoder_is_gone_when_the_prompt_is_encoded(
    engine: FluxEngine, with_options: ModelStore, form: NumberFormat, residency: Residency
) -> None:
    stack = with_plan(engine.stack, with_options, "text_encoder_2", form, residency)
    text = stack.text("dev")
    text.max_tokens = 8
    hold = text.on_device
    seen: list[Callable[[], object]] = []

    def remember(name: str, module: Any) -> Any:
        seen.extend(references(module))
        return hold(name, module)

    text.on_device = remember
    gc.collect()
    gc.disable()
    try:
        text.encode("a portrait")
        assert len(seen) > 100
        assert not [each() for each in seen if each() is not None]
    finally:
        gc.enable()


def references(network: torch.nn.Module) -> list[Callable[[], object]]:
    """To each of its layers and values, without keeping them."""
    return [weakref.ref(each) for each in (*network.modules(), *network.parameters())]


def with_plan(stack: Stack, store: ModelStore, name: str, form: NumberFormat, residency: Residency) -> Stack:
    """A stack like this one with a network held otherwise."""
    placed = tuple(
        replace(each, form=form, residency=residency) if each.component.name == name else each
        for each in stack.plan.placements
    )
    return Stack(store, stack.files, stack.device, replace(stack.plan, placements=placed))


def test_a_vae_in_tiles_works_on_no_more_than_is_planned(engine: FluxEngine, with_options: ModelStore) -> None:
    """FLUX.1's configuration says 1024 px, and left alone diffusers would cut nothing of the picture of 1024 px."""
    plan = replace(engine.stack.plan, tiled=True)
    stack = Stack(with_options, engine.stack.files, engine.stack.device, plan)
    vae = stack.vae("full")
    sides: dict[str, list[int]] = {"encoder": [], "decoder": []}

    def listen(name: str) -> None:
        def hear(_module: object, given: tuple[torch.Tensor]) -> None:
            sides[name].append(max(given[0].shape[-2:]))

        getattr(vae, name).register_forward_pre_hook(hear)

    for name in sides:
        listen(name)
    with torch.no_grad():
        vae.encode(torch.zeros(1, 3, 1024, 1024))
        picture = vae.decode(torch.zeros(1, 16, 128, 128), return_dict=False)[0]
    assert picture.shape == (1, 3, 1024, 1024)
    assert max(sides["encoder"]) == VAE_TILE
    assert max(sides["decoder"]) == VAE_TILE // 8
    assert min(len(heard) for heard in sides.values()) == 9


def test_the_quick_decoder_encodes_the_whole_picture_where_the_vae_is_planned_in_tiles(
    engine: FluxEngine, with_options: ModelStore
) -> None:
    """Its maps have 64 channels, a quarter of the VAE's: the whole of 1024 px takes no more than a tile of 512 px."""
    plan = replace(engine.stack.plan, tiled=True)
    vae = Stack(with_options, engine.stack.files, engine.stack.device, plan).vae("tiny")
    with torch.no_grad():
        latents = vae.encode(torch.zeros(1, 3, 1024, 1024)).latents
        assert vae.decode(latents, return_dict=False)[0].shape == (1, 3, 1024, 1024)
    assert max(manifest("taef1")["decoder.layers.0.weight"][:1]) * 1024**2 <= VAE_CHANNELS * VAE_TILE**2


@pytest.mark.parametrize("form", ["bfloat16", "float8"])
def test_a_card_without_bfloat16_samples_in_float16_and_reads_text_and_pictures_in_bfloat16(
    engine: FluxEngine,
    store: ModelStore,
    reference: Picture,
    target: Picture,
    made: Patch,
    monkeypatch: pytest.MonkeyPatch,
    form: NumberFormat,
) -> None:
    """A Turing card, as far as torch's processor can be one; `made` is float32's, and float16 is nearer to it."""
    monkeypatch.setattr(stack_module, "DEV_TOKENS", 32)
    far: list[float] = []
    for half in (torch.float16, torch.bfloat16):
        device = replace(engine.stack.device, kind="discrete", total_bytes=80 << 30, half=half)
        plan = plan_memory(engine.stack.files, device, 256)
        sampling = [replace(each, form=form) for each in plan.placements if each.component.phase == "sampling"]
        others = [each for each in plan.placements if each.component.phase != "sampling"]
        stack = Stack(store, engine.stack.files, device, replace(plan, placements=(*sampling, *others)))
        painted = FluxEngine(stack).prepare([Portrait(*reference)]).render(*target, QUICK, ignore_step)
        far.append(float(np.abs(painted.crop.astype(int) - made.crop)[made.mask > 0.5].mean()))
        assert {each.dtype for each in stack.transformer("dev").parameters()} - {torch.float8_e4m3fn} == {half}
        assert {each.dtype for each in stack.id_former.parameters()} == {half}
        assert {each.dtype for each in stack.vae("full").parameters()} == {torch.bfloat16}
        assert {stack.placer.half(name) for name in ("text_encoder", "text_encoder_2")} == {torch.bfloat16}
    if form == "bfloat16":
        assert far[0] < far[1]
