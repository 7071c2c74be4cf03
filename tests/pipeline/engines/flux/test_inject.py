"""Injection promises: what the hooks add is what a plainly written loop adds, caches included.

Nothing stays behind. The transformer has FLUX.1's real block counts, 19 and 38, at a width of 32.
"""

import copy
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers.hooks.first_block_cache import FirstBlockCacheConfig
from diffusers.models.transformers.transformer_flux import FluxIPAdapterAttnProcessor, FluxTransformer2DModel
from torch import Tensor

from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.perceiver import PerceiverCrossAttention
from mien_pipeline.engines.diffusion.placement import Placer
from mien_pipeline.engines.flux.faceid import ArcAdapter, FaceId, XlabsAdapter, face_tokens
from mien_pipeline.engines.flux.inject import Slot, WeightSchedule, inject_residuals
from mien_pipeline.engines.flux.instantid import InstantId, identity_net
from mien_pipeline.engines.flux.pulid import IdTokens, Pulid, PulidAttentions
from mien_pipeline.engines.flux.text import Prompt
from mien_pipeline.engines.flux.velocity import Canvas, IdentityMethod, ModelPass, bind_conditioning
from mien_pipeline.plan.component import component
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import GIB, DeviceKind
from mien_pipeline.sampling import denoise, noise_like

DIM, TEXT_DIM, POOLED = 32, 24, 16
SIDE = 4
TOKENS = SIDE * SIDE
CONFIG: dict[str, Any] = {
    "in_channels": 64,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": TEXT_DIM,
    "pooled_projection_dim": POOLED,
    "guidance_embeds": True,
    "axes_dims_rope": (4, 6, 6),
}
DOUBLES, SINGLES = 19, 38


def randomised(module: Any, seed: int, scale: float = 0.15) -> Any:
    """Every parameter drawn anew: control nets are born with zeros, which would hide what they do."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def transformer() -> Any:
    return randomised(FluxTransformer2DModel(**CONFIG, num_layers=DOUBLES, num_single_layers=SINGLES), 1)


@pytest.fixture(scope="module")
def control_net() -> Any:
    return randomised(identity_net({**CONFIG, "num_layers": 4, "num_single_layers": 10}), 2)


@pytest.fixture(scope="module")
def attentions() -> Any:
    return randomised(PulidAttentions(PerceiverCrossAttention(DIM, 20, 1, 128) for _ in range(20)), 3)


@pytest.fixture(scope="module")
def arc() -> Any:
    return randomised(ArcAdapter(DIM, DOUBLES + SINGLES, 1, 64, 512), 4, 0.05)


@pytest.fixture(scope="module")
def xlabs() -> Any:
    return randomised(XlabsAdapter(DIM, TEXT_DIM, 4, 12, DOUBLES), 5)


def draw(*shape: int, seed: int = 9) -> Tensor:
    return noise_like(torch.empty(shape), seed)


def image_ids() -> Tensor:
    return torch.tensor([[0.0, row, column] for row in range(SIDE) for column in range(SIDE)])


PROMPT = Prompt(draw(1, 6, TEXT_DIM, seed=20), draw(1, POOLED, seed=21))
NEGATIVE = Prompt(draw(1, 6, TEXT_DIM, seed=22), draw(1, POOLED, seed=23))
ID = IdTokens(cond=draw(1, 8, 20, seed=24), uncond=draw(1, 8, 20, seed=25))
LATENTS = draw(1, TOKENS, 64, seed=26)


def pulid(attentions: PulidAttentions, schedule: WeightSchedule) -> Pulid:
    return Pulid(attentions, ID, DOUBLES, schedule)


def instantid(control_net: Any, schedule: WeightSchedule) -> InstantId:
    tokens, points = draw(1, 8, TEXT_DIM, seed=27), draw(1, TOKENS, 64, seed=28)
    return InstantId(control_net, tokens, points, (DOUBLES, SINGLES), schedule)


def faceid(adapter: ArcAdapter | XlabsAdapter, schedule: WeightSchedule, region: Tensor | None = None) -> FaceId:
    width = 512 if isinstance(adapter, ArcAdapter) else 12
    return FaceId(adapter, face_tokens(adapter.project, draw(1, width, seed=29)), schedule, region)


@contextmanager
def velocity(transformer: Any, parts: Sequence[IdentityMethod], **changed: Any) -> Generator[Any]:
    settings: dict[str, Any] = {"guidance_scale": 3.5, "total": 4} | changed
    with bind_conditioning(transformer, PROMPT, NEGATIVE, Canvas(image_ids()), parts, **settings) as one:
        yield one


def predicted(transformer: Any, parts: Sequence[IdentityMethod], step: int = 0, **changed: Any) -> Tensor:
    with velocity(transformer, parts, **changed) as one:
        result: Tensor = one(LATENTS, 0.7, step)
        return result


def by_hand(
    transformer: Any,
    prompt: Prompt = PROMPT,
    *,
    branch: str = "cond",
    pulid: tuple[Pulid, float] | None = None,
    instantid: tuple[InstantId, float] | None = None,
    faceid: tuple[FaceId, float] | None = None,
) -> Tensor:
    """The whole forward pass written out, block after block, from the papers' formulas."""
    timestep, guidance = torch.tensor([0.7]), torch.tensor([3.5])
    text_ids = torch.zeros(prompt.tokens.shape[1], 3)
    hidden = transformer.x_embedder(LATENTS)
    temb = transformer.time_text_embed(timestep * 1000, guidance * 1000, prompt.pooled)
    text = transformer.context_embedder(prompt.tokens)
    rotary = transformer.pos_embed(torch.cat([text_ids, image_ids()]))
    double: Sequence[Tensor] = ()
    single: Sequence[Tensor] = ()
    if instantid and branch == "cond":
        net = instantid[0].control_net
        double, single = net(
            LATENTS,
            instantid[0].points,
            encoder_hidden_states=instantid[0].tokens,
            pooled_projections=prompt.pooled,
            timestep=timestep,
            img_ids=image_ids(),
            txt_ids=torch.zeros(8, 3),
            guidance=torch.tensor([1.0]),
            return_dict=False,
        )
    for index in range(DOUBLES + SINGLES):
        if index < DOUBLES:
            text, hidden = transformer.transformer_blocks[index](hidden, text, temb, rotary)
        else:
            text, hidden = transformer.single_transformer_blocks[index - DOUBLES](hidden, text, temb, rotary)
        if instantid and double:
            control = double[index // 5] if index < DOUBLES else single[(index - DOUBLES) // 4]
            hidden = hidden + instantid[1] * control
        if pulid:
            tokens = pulid[0].tokens.cond if branch == "cond" else pulid[0].tokens.uncond
            if index < DOUBLES and index % 2 == 0:
                hidden = hidden + pulid[1] * pulid[0].attentions[index // 2](tokens, hidden)
            elif index >= DOUBLES and (index - DOUBLES) % 4 == 0:
                hidden = hidden + pulid[1] * pulid[0].attentions[10 + (index - DOUBLES) // 4](tokens, hidden)
        if faceid:
            assert isinstance(faceid[0].adapter, ArcAdapter)
            tokens = faceid[0].tokens.cond if branch == "cond" else faceid[0].tokens.uncond
            added = faceid[0].adapter.ipa_arc[index](tokens, hidden)
            if faceid[0].region is not None:
                inside = torch.zeros(TOKENS, 1)
                inside[faceid[0].region] = 1
                added = added * inside
            hidden = hidden + faceid[1] * added
    result: Tensor = transformer.proj_out(transformer.norm_out(hidden, temb))
    return result


REGION = torch.tensor([5, 6, 9, 10])


def all_parts(
    control_net: Any, attentions: PulidAttentions, arc: ArcAdapter, **schedule: Any
) -> tuple[InstantId, Pulid, FaceId]:
    return (
        instantid(control_net, WeightSchedule(0.7, **schedule)),
        pulid(attentions, WeightSchedule(0.9, **schedule)),
        faceid(arc, WeightSchedule(0.4, **schedule), REGION),
    )


def test_hooks_add_what_a_plainly_written_loop_adds(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    one, two, three = all_parts(control_net, attentions, arc)
    written = by_hand(transformer, instantid=(one, 0.7), pulid=(two, 0.9), faceid=(three, 0.4))
    torch.testing.assert_close(predicted(transformer, (one, two, three)), written, atol=2e-5, rtol=1e-5)
    assert not torch.allclose(written, by_hand(transformer), atol=1e-3)


def test_true_guidance_walks_a_branch_of_its_own_without_control_net(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    """Every part's own unconditional; the control net says nothing there."""
    one, two, three = all_parts(control_net, attentions, arc)
    parts: dict[str, Any] = {"instantid": (one, 0.7), "pulid": (two, 0.9), "faceid": (three, 0.4)}
    cond, uncond = by_hand(transformer, **parts), by_hand(transformer, NEGATIVE, branch="uncond", **parts)
    guided = predicted(transformer, (one, two, three), true_cfg_scale=2.5)
    torch.testing.assert_close(guided, uncond + 2.5 * (cond - uncond), atol=1e-4, rtol=1e-4)


def test_a_weight_of_zero_is_the_parts_absence_bit_for_bit(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    plain = predicted(transformer, ())
    off = WeightSchedule(0.0)
    switched_off = (instantid(control_net, off), pulid(attentions, off), faceid(arc, off))
    assert torch.equal(predicted(transformer, switched_off), plain)
    some = pulid(attentions, WeightSchedule(0.9))
    assert torch.equal(
        predicted(transformer, (switched_off[0], some, switched_off[2])), predicted(transformer, (some,))
    )


def test_parts_are_added_behind_the_blocks_and_leave_the_transformer_itself_alone(
    transformer: Any, attentions: PulidAttentions
) -> None:
    before = transformer(
        LATENTS,
        encoder_hidden_states=PROMPT.tokens,
        pooled_projections=PROMPT.pooled,
        timestep=torch.tensor([0.7]),
        guidance=torch.tensor([3.5]),
        img_ids=image_ids(),
        txt_ids=torch.zeros(6, 3),
        return_dict=False,
    )[0]
    predicted(transformer, (pulid(attentions, WeightSchedule(1.0)),))
    assert torch.equal(predicted(transformer, ()), before)
    assert all(not block._diffusers_hook.hooks for block in transformer.transformer_blocks)


def test_hooks_are_gone_even_when_sampling_raises(
    transformer: Any, attentions: PulidAttentions, xlabs: XlabsAdapter
) -> None:
    class Breaks:
        name = "breaks"
        schedule = WeightSchedule(1.0)

        def residuals(self, one: ModelPass) -> Any:
            raise RuntimeError("in the middle of a step")

    with pytest.raises(RuntimeError, match="middle of a step"):
        predicted(transformer, (pulid(attentions, WeightSchedule(1.0)), Breaks()), cache_threshold=0.1, queries=True)
    assert not transformer.is_cache_enabled
    for block in (*transformer.transformer_blocks, *transformer.single_transformer_blocks):
        assert not block._diffusers_hook.hooks
    assert not transformer.transformer_blocks[0].attn.norm_q._diffusers_hook.hooks


def test_a_cache_repeats_an_identical_step_with_every_part_on(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    """First-block cache on a repeated step skips all blocks but the first, and changes nothing."""
    parts = all_parts(control_net, attentions, arc)
    plain = predicted(transformer, parts, true_cfg_scale=2.0)
    ran: list[int] = []

    def note(*_: Any) -> None:
        ran.append(1)

    handle = transformer.single_transformer_blocks[5].norm.register_forward_hook(note)
    try:
        with velocity(transformer, parts, true_cfg_scale=2.0, cache_threshold=0.05) as cached:
            first, again = cached(LATENTS, 0.7, 0), cached(LATENTS, 0.7, 1)
    finally:
        handle.remove()
    assert len(ran) == 2, "the second step took its blocks from the cache, on both branches"
    torch.testing.assert_close(first, plain, atol=1e-6, rtol=0)
    torch.testing.assert_close(again, plain, atol=1e-5, rtol=0)


def test_hooks_registered_after_the_cache_would_be_silently_wrong(
    transformer: Any, attentions: PulidAttentions
) -> None:
    """The cache is entered inside `inject_residuals`: the other way round a repeated step loses the identity."""
    part = pulid(attentions, WeightSchedule(0.9))
    plain = predicted(transformer, (part,))
    transformer.enable_cache(FirstBlockCacheConfig(threshold=0.05))
    try:
        with velocity(transformer, (part,)) as wrong:
            wrong(LATENTS, 0.7, 0)
            again = wrong(LATENTS, 0.7, 1)
    finally:
        transformer.disable_cache()
    assert (again - plain).abs().max() > 1e-3


def test_a_batch_is_its_single_pictures(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    parts = all_parts(control_net, attentions, arc)
    both = torch.cat([LATENTS, draw(1, TOKENS, 64, seed=40)])
    with velocity(transformer, parts) as one:
        together = one(both, 0.7, 0)
        apart = torch.cat([one(both[:1], 0.7, 0), one(both[1:], 0.7, 0)])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["cpu", "unified"])
def test_streamed_networks_compute_what_resident_ones_do(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter, kind: DeviceKind
) -> None:
    """Blocks in main memory, or on the disk where there is one memory; hooks, cache and guidance included."""
    networks = {
        "transformer": copy.deepcopy(transformer),
        "control_net": copy.deepcopy(control_net),
        "pulid_attentions": copy.deepcopy(attentions),
        "faceid": copy.deepcopy(arc),
    }
    sized = [component(name, "sampling", {"w": (1, 1)}) for name in networks]
    plan = make_plan(sized, Hardware("cpu", 8 * GIB, DIM))
    plan = replace(plan, placements=tuple(replace(each, residency="streamed") for each in plan.placements))
    placer = Placer(Device(torch.device("cpu"), kind, "cpu", 8 * GIB), plan)
    streamed = {name: placer.place(name, network) for name, network in networks.items()}
    parts = all_parts(control_net, attentions, arc)
    elsewhere = all_parts(streamed["control_net"], streamed["pulid_attentions"], streamed["faceid"])
    resident = predicted(transformer, parts, true_cfg_scale=2.0)
    with velocity(streamed["transformer"], elsewhere, true_cfg_scale=2.0, cache_threshold=0.05) as one:
        first, again = one(LATENTS, 0.7, 0), one(LATENTS, 0.7, 1)
    torch.testing.assert_close(first, resident, atol=1e-5, rtol=0)
    torch.testing.assert_close(again, resident, atol=2e-5, rtol=0)


def in_float32(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    """softmax(q·kᵀ / √d)·v, Vaswani et al. 2017, equation 1."""
    scores = query.float() @ key.float().transpose(-2, -1) / query.shape[-1] ** 0.5
    attended: Tensor = (scores.softmax(-1) @ value.float()).to(query.dtype)
    return attended


def test_fused_attention_is_attention_in_float32(
    transformer: Any,
    control_net: Any,
    attentions: PulidAttentions,
    arc: ArcAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the whole step with every part, to one part in 100,000 of its range."""
    parts = all_parts(control_net, attentions, arc)
    fused = predicted(transformer, parts)
    calls: list[int] = []

    def plain(*args: Any, **kwargs: Any) -> Tensor:
        calls.append(1)
        return in_float32(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", plain)
    written = predicted(transformer, parts)
    assert len(calls) == DOUBLES + SINGLES + 4 + 10 + 20 + DOUBLES + SINGLES
    torch.testing.assert_close(fused, written, atol=1e-5 * float(written.abs().max()), rtol=0)


def test_a_regional_part_adds_to_its_own_tokens_alone(arc: ArcAdapter, xlabs: XlabsAdapter) -> None:
    hidden = draw(2, TOKENS, DIM)
    one = ModelPass("cond", LATENTS, torch.tensor([0.7]), PROMPT.pooled, image_ids())
    outside = [index for index in range(TOKENS) if index not in REGION.tolist()]
    for adapter, query in ((arc, None), (xlabs, draw(2, TOKENS, 2, 16))):
        regional = faceid(adapter, WeightSchedule(1.0), REGION).residuals(one).after(3, hidden, query)
        everywhere = faceid(adapter, WeightSchedule(1.0)).residuals(one).after(3, hidden, query)
        assert regional is not None
        assert everywhere is not None
        assert torch.count_nonzero(regional[:, outside]) == 0
        torch.testing.assert_close(regional[:, REGION], everywhere[:, REGION])


def test_xlabs_adapter_is_what_diffusers_makes_of_the_same_weights(transformer: Any, xlabs: XlabsAdapter) -> None:
    """The reference is diffusers' own attention processor, given the same keys, values and tokens."""
    part = faceid(xlabs, WeightSchedule(0.6))
    ours = predicted(transformer, (part,), queries=True)
    plain = dict(transformer.attn_processors)
    theirs: dict[str, Any] = dict(plain)
    for index, attention in enumerate(xlabs.double_blocks):
        processor: Any = FluxIPAdapterAttnProcessor(DIM, TEXT_DIM, (4,), scale=0.6)
        ours_here = attention.get_submodule("processor")
        processor.to_k_ip[0] = ours_here.ip_adapter_double_stream_k_proj
        processor.to_v_ip[0] = ours_here.ip_adapter_double_stream_v_proj
        theirs[f"transformer_blocks.{index}.attn.processor"] = processor
    transformer.set_attn_processor(theirs)
    try:
        reference = transformer(
            LATENTS,
            encoder_hidden_states=PROMPT.tokens,
            pooled_projections=PROMPT.pooled,
            timestep=torch.tensor([0.7]),
            guidance=torch.tensor([3.5]),
            img_ids=image_ids(),
            txt_ids=torch.zeros(6, 3),
            joint_attention_kwargs={"ip_hidden_states": [part.tokens.cond]},
            return_dict=False,
        )[0]
    finally:
        transformer.set_attn_processor(plain)
    torch.testing.assert_close(ours, reference, atol=2e-5, rtol=1e-5)
    assert not torch.allclose(ours, predicted(transformer, ()), atol=1e-3)


@pytest.mark.parametrize(
    ("schedule", "acts"),
    [
        (WeightSchedule(0.9), [True] * 4),
        (WeightSchedule(0.9, start=0.5), [False, False, True, True]),
        (WeightSchedule(0.9, end=0.5), [True, True, False, False]),
        (WeightSchedule(0.9, start=0.25, end=0.75), [False, True, True, False]),
        (WeightSchedule(0.9, each=(0.0, 1.0, 0.0)), [False, True, False, False]),
    ],
)
def test_a_schedule_starts_and_stops_at_its_steps(
    transformer: Any, attentions: PulidAttentions, schedule: WeightSchedule, acts: list[bool]
) -> None:
    part = pulid(attentions, schedule)
    plain = predicted(transformer, ())
    assert [not torch.equal(predicted(transformer, (part,), step), plain) for step in range(4)] == acts


def test_a_step_weight_scales_that_steps_residual() -> None:
    assert [WeightSchedule(0.8, each=(1.0, 0.5)).at(step, 4) for step in range(4)] == [0.8, 0.4, 0.4, 0.4]
    assert WeightSchedule(0.8, start=0.3).at(3, 10) == 0.8
    assert WeightSchedule(0.8, start=0.3).at(2, 10) == 0.0


def test_a_control_net_runs_only_at_the_steps_it_is_scheduled_for(transformer: Any, control_net: Any) -> None:
    ran: list[int] = []

    def note(*_: Any) -> None:
        ran.append(1)

    handle = control_net.x_embedder.register_forward_hook(note)
    try:
        with velocity(transformer, (instantid(control_net, WeightSchedule(0.7, end=0.5)),), true_cfg_scale=2.0) as one:
            denoise(one, LATENTS, [1.0, 0.75, 0.5, 0.25, 0.0])
    finally:
        handle.remove()
    assert len(ran) == 2, "two of four steps, and never on the unconditional branch"


def test_the_slot_is_empty_between_passes(transformer: Any) -> None:
    slot: Slot
    with inject_residuals(transformer, queries=True) as slot:
        assert not slot.active
        assert not slot.queries
