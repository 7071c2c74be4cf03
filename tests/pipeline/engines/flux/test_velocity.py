"""Guidance has a branch of its own, a batch is its pictures, and where networks live changes nothing."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.placement import Placer
from mien_pipeline.engines.flux.faceid import ArcAdapter
from mien_pipeline.engines.flux.pulid import PulidAttentions
from mien_pipeline.plan.component import component
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import GIB, DeviceKind
from mien_testing.flux import (
    DIM,
    DOUBLES,
    LATENTS,
    NEGATIVE,
    SINGLES,
    TOKENS,
    all_methods,
    by_hand,
    draw,
    predict,
    velocity,
)


def test_true_guidance_walks_a_branch_of_its_own_without_control_net(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    """Every method's own unconditional; the control net says nothing there."""
    one, two, three = all_methods(control_net, attentions, arc)
    methods: dict[str, Any] = {"instantid": (one, 0.7), "pulid": (two, 0.9), "faceid": (three, 0.4)}
    cond, uncond = by_hand(transformer, **methods), by_hand(transformer, NEGATIVE, branch="uncond", **methods)
    guided = predict(transformer, (one, two, three), true_cfg_scale=2.5)
    torch.testing.assert_close(guided, uncond + 2.5 * (cond - uncond), atol=1e-4, rtol=1e-4)


def test_a_batch_is_its_single_pictures(
    transformer: Any, control_net: Any, attentions: PulidAttentions, arc: ArcAdapter
) -> None:
    methods = all_methods(control_net, attentions, arc)
    both = torch.cat([LATENTS, draw(1, TOKENS, 64, seed=40)])
    with velocity(transformer, methods) as one:
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
    placer = Placer(Device(torch.device("cpu"), kind, "cpu", 8 * GIB, "cpu", torch.bfloat16), plan)
    streamed = {name: placer.place(name, network) for name, network in networks.items()}
    methods = all_methods(control_net, attentions, arc)
    elsewhere = all_methods(streamed["control_net"], streamed["pulid_attentions"], streamed["faceid"])
    resident = predict(transformer, methods, true_cfg_scale=2.0)
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
    """Of the whole step with every method, to one method in 100,000 of its range."""
    methods = all_methods(control_net, attentions, arc)
    fused = predict(transformer, methods)
    calls: list[int] = []

    def plain(*args: Any, **kwargs: Any) -> Tensor:
        calls.append(1)
        return in_float32(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", plain)
    written = predict(transformer, methods)
    assert len(calls) == DOUBLES + SINGLES + 4 + 10 + 20 + DOUBLES + SINGLES
    torch.testing.assert_close(fused, written, atol=1e-5 * float(written.abs().max()), rtol=0)
