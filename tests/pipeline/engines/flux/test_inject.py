"""What the hooks add is what a plainly written loop adds, caches included, and nothing stays behind."""

from typing import Any

import pytest
import torch
from diffusers.hooks.first_block_cache import FirstBlockCacheConfig

from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter
from mien_pipeline.engines.flux.inject import Slot, WeightSchedule, inject_residuals
from mien_pipeline.engines.flux.pulid import PulidAttentions
from mien_pipeline.engines.flux.velocity import ModelPass
from mien_testing.flux import (
    LATENTS,
    PROMPT,
    all_methods,
    by_hand,
    faceid,
    image_ids,
    instantid,
    predict,
    pulid,
    velocity,
)


def test_hooks_add_what_a_plainly_written_loop_adds(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    one, two, three = all_methods(control_net, attentions, arc)
    written = by_hand(transformer, instantid=(one, 0.7), pulid=(two, 0.9), faceid=(three, 0.4))
    torch.testing.assert_close(predict(transformer, (one, two, three)), written, atol=2e-5, rtol=1e-5)
    assert not torch.allclose(written, by_hand(transformer), atol=1e-3)


def test_a_weight_of_zero_is_a_methods_absence_bit_for_bit(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    plain = predict(transformer, ())
    off = WeightSchedule(0.0)
    switched_off = (instantid(control_net, off), pulid(attentions, off), faceid(arc, off))
    assert torch.equal(predict(transformer, switched_off), plain)
    some = pulid(attentions, WeightSchedule(0.9))
    assert torch.equal(predict(transformer, (switched_off[0], some, switched_off[2])), predict(transformer, (some,)))


def test_methods_are_added_behind_the_blocks_and_leave_the_transformer_itself_alone(
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
    predict(transformer, (pulid(attentions, WeightSchedule(1.0)),))
    assert torch.equal(predict(transformer, ()), before)
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
        predict(transformer, (pulid(attentions, WeightSchedule(1.0)), Breaks()), cache_threshold=0.1, queries=True)
    assert not transformer.is_cache_enabled
    for block in (*transformer.transformer_blocks, *transformer.single_transformer_blocks):
        assert not block._diffusers_hook.hooks
    assert not transformer.transformer_blocks[0].attn.norm_q._diffusers_hook.hooks


def test_a_cache_repeats_an_identical_step_with_every_method_on(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    """First-block cache on a repeated step skips all blocks but the first, and changes nothing."""
    methods = all_methods(control_net, attentions, arc)
    plain = predict(transformer, methods, true_cfg_scale=2.0)
    ran: list[int] = []

    def note(*_: Any) -> None:
        ran.append(1)

    handle = transformer.single_transformer_blocks[5].norm.register_forward_hook(note)
    try:
        with velocity(transformer, methods, true_cfg_scale=2.0, cache_threshold=0.05) as cached:
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
    method = pulid(attentions, WeightSchedule(0.9))
    plain = predict(transformer, (method,))
    transformer.enable_cache(FirstBlockCacheConfig(threshold=0.05))
    try:
        with velocity(transformer, (method,)) as wrong:
            wrong(LATENTS, 0.7, 0)
            again = wrong(LATENTS, 0.7, 1)
    finally:
        transformer.disable_cache()
    assert (again - plain).abs().max() > 1e-3


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
    method = pulid(attentions, schedule)
    plain = predict(transformer, ())
    assert [not torch.equal(predict(transformer, (method,), step), plain) for step in range(4)] == acts


def test_a_step_weight_scales_that_steps_residual() -> None:
    assert [WeightSchedule(0.8, each=(1.0, 0.5)).at(step, 4) for step in range(4)] == [0.8, 0.4, 0.4, 0.4]
    assert WeightSchedule(0.8, start=0.3).at(3, 10) == 0.8
    assert WeightSchedule(0.8, start=0.3).at(2, 10) == 0.0


def test_the_slot_is_empty_between_passes(transformer: Any) -> None:
    slot: Slot
    with inject_residuals(transformer, queries=True) as slot:
        assert not slot.active
        assert not slot.queries
