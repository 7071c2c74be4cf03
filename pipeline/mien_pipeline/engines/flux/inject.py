"""Where the identity methods enter the transformer: one hook on every block, removed when the work is done.

An identity method adds residuals to the image tokens behind a block. The hooks are diffusers `ModelHook`s, registered
before any cache: so a cache remembers the residuals with the block, and skips both. Forward hooks, or control net
arguments, would add them to blocks that the cache has skipped.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from diffusers.hooks.first_block_cache import FirstBlockCacheConfig
from diffusers.hooks.hooks import HookRegistry, ModelHook
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from torch import Tensor, nn

HOOK = "mien_identity"


class Residuals(Protocol):
    """What one identity method adds behind the blocks, in one pass at one step."""

    def after(self, block: int, hidden: Tensor, query: Tensor | None, /) -> Tensor | None:
        """The residual behind `block`, or None where the method adds nothing.

        Args:
            block: 0 … 18 are FLUX.1's double blocks, 19 … 56 its single blocks.
            hidden: image tokens as they leave the block, (batch, tokens, dim).
            query: the block's own image queries after their norm and before their rotation,
                (batch, tokens, heads, head dim); None behind single blocks.

        Returns:
            Shape, dtype and device of `hidden`.
        """
        ...


@dataclass(frozen=True, slots=True)
class WeightSchedule:
    """How strongly an identity method acts, step by step.

    Attributes:
        weight: 0 switches the method off: it is not computed at all.
        start, end: between which fractions of the steps taken it acts.
        each: a factor for every step in order; steps beyond take the last one. Empty means 1 throughout.
    """

    weight: float
    start: float = 0.0
    end: float = 1.0
    each: tuple[float, ...] = ()

    def at(self, step: int, total: int) -> float:
        """The weight at `step` of `total`, counted from 0."""
        # Rounded to 6 digits: 0.3 of ten steps begins with the fourth, although 0.3 × 10 is not 3 in binary.
        if not round(self.start * total, 6) <= step or not step + 1 <= round(self.end * total, 6):
            return 0.0
        factor = self.each[min(step, len(self.each) - 1)] if self.each else 1.0
        return self.weight * factor


@dataclass(slots=True)
class Slot:
    """What the hooks read during a pass; empty between passes.

    Attributes:
        active: weight and residuals of every method that acts in this pass.
        queries: image queries by double block, (batch, tokens, heads, head dim); only with `queries=True`.
    """

    active: Sequence[tuple[float, Residuals]] = ()
    queries: dict[int, Tensor] = field(default_factory=dict[int, Tensor])


class BlockHook(ModelHook):
    """Adds the active residuals to the image tokens that leave one block."""

    def __init__(self, block: int, slot: Slot) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # diffusers' own
        self.block = block
        self.slot = slot

    def post_forward(self, module: nn.Module, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        text, hidden = output
        query = self.slot.queries.pop(self.block, None)
        for weight, residuals in self.slot.active:
            residual = residuals.after(self.block, hidden, query)
            if residual is not None:
                hidden = torch.add(hidden, residual, alpha=weight)
        return text, hidden


class QueryHook(ModelHook):
    """Keeps the image queries of one double block for the adapters that attend with them."""

    def __init__(self, block: int, slot: Slot) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # diffusers' own
        self.block = block
        self.slot = slot

    def post_forward(self, module: nn.Module, output: Tensor) -> Tensor:  # noqa: ARG002
        if self.slot.active:
            self.slot.queries[self.block] = output
        return output


@contextmanager
def inject_residuals(transformer: FluxTransformer2DModel, queries: bool = False) -> Generator[Slot]:
    """Hook every block of the transformer, and give the slot that the hooks read; removed at exit, also by an error.

    Args:
        queries: also keep each double block's image queries. They cost memory, and only XLabs' adapter reads them.
    """
    slot = Slot()
    doubles: list[Any] = list(transformer.transformer_blocks)
    blocks = [*doubles, *transformer.single_transformer_blocks]
    hooked: list[nn.Module] = []
    try:
        for index, block in enumerate(blocks):
            hooked.append(block)
            HookRegistry.check_if_exists_or_initialize(block).register_hook(BlockHook(index, slot), HOOK)
        for index, block in enumerate(doubles if queries else ()):
            hooked.append(block.attn.norm_q)
            HookRegistry.check_if_exists_or_initialize(block.attn.norm_q).register_hook(QueryHook(index, slot), HOOK)
        _forget_registries(transformer)
        yield slot
    finally:
        with _forgetting_hooks(transformer):
            for module in hooked:
                HookRegistry.check_if_exists_or_initialize(module).remove_hook(HOOK, recurse=False)
        _forget_registries(transformer)


@contextmanager
def first_block_cache(transformer: FluxTransformer2DModel, threshold: float) -> Generator[None]:
    """Switch the first-block cache on inside and off at exit; a threshold of 0 caches nothing.

    Enter it inside `inject_residuals`, never around it: the cache does not remember what a later hook adds.
    """
    if not threshold:
        yield
        return
    transformer.enable_cache(FirstBlockCacheConfig(threshold=threshold))
    try:
        yield
    finally:
        with _forgetting_hooks(transformer):
            transformer.disable_cache()


@contextmanager
def _forgetting_hooks(transformer: FluxTransformer2DModel) -> Generator[None]:
    """Break the circle of every hook that is removed inside: it holds its own methods, and so the block it was on."""
    before = _hooks_on(transformer)
    yield
    kept = {id(hook) for hook in _hooks_on(transformer)}
    for hook in before:
        if id(hook) not in kept:
            hook.fn_ref = None


def _hooks_on(transformer: FluxTransformer2DModel) -> list[Any]:
    registries: list[Any] = [vars(module).get("_diffusers_hook") for module in transformer.modules()]
    return [hook for registry in registries if registry is not None for hook in registry.hooks.values()]


def _forget_registries(transformer: FluxTransformer2DModel) -> None:
    # The root registry remembers which children carry hooks, and its memory is stale now.
    HookRegistry.check_if_exists_or_initialize(transformer).invalidate_child_registries_cache()
