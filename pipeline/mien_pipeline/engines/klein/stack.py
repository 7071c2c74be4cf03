"""Every network of FLUX.2 [klein], loaded when it is first needed and kept."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from mien_models.store import ModelStore
from mien_pipeline.device import Device, compute_dtype, release_cache
from mien_pipeline.engines.diffusion.placement import Placer, release
from mien_pipeline.engines.klein.files import KleinFiles
from mien_pipeline.engines.klein.plan import plan_memory
from mien_pipeline.engines.klein.text import PromptFolder, TextEncoder
from mien_pipeline.engines.klein.transformer import load_transformer, load_vae
from mien_pipeline.plan.placement import Plan

Result = TypeVar("Result")


class Stack:
    """The networks, each loaded on first use and placed as the plan says."""

    def __init__(
        self,
        store: ModelStore,
        files: KleinFiles,
        device: Device,
        plan: Plan,
        digest: str = "",
        *,
        keeps_merged: bool = True,
    ) -> None:
        """
        Args:
            digest: of the text encoder's weights; embeddings are kept for these alone.
            keeps_merged: the transformer with the LoRA merged into it is kept in the store, and read from there.

        `lora_scale` is that of the last transformer that was loaded; None before there was one.
        """
        self.store = store
        self.files = files
        self.device = device
        self.plan = plan
        self.placer = Placer(device, plan)
        self._kept: PromptFolder | None = None
        self._digest = digest
        self._keeps_merged = keeps_merged
        self._transformer: Any = None
        self.lora_scale: float | None = None

    def plan_for(self, device: Device) -> Plan:
        """The plan of the same files on another device, at the same size; raises `NotEnoughMemory`."""
        return plan_memory(self.files, device, self.plan.side, self.plan.host_total_bytes)

    def keep_prompts(self, folder: PromptFolder) -> None:
        """Keep the default prompt's embedding there from now on."""
        self._kept = folder
        self.text.kept = folder

    def replan(self, plan: Plan) -> None:
        """Hold the networks as another plan says; those in memory are given up first."""
        self._give_up_transformer()
        if (vae := vars(self).pop("vae", None)) is not None:
            release(vae)
        vars(self).pop("text", None)
        release_cache()
        self.plan = plan
        self.placer = Placer(self.device, plan)

    def transformer(self, lora_scale: float) -> Any:
        """The transformer with the LoRA at this scale. One is in memory: another scale is loaded anew."""
        if self._transformer is None or self.lora_scale != lora_scale:
            self._give_up_transformer()
            self._transformer = self.placer.place("transformer", self._load_transformer(lora_scale))
            self.lora_scale = lora_scale
        return self._transformer

    def _load_transformer(self, lora_scale: float) -> Any:
        form, half = self.plan.of("transformer").form, self.placer.half("transformer")
        return load_transformer(self.files, form, half, lora_scale, self.store if self._keeps_merged else None)

    def _give_up_transformer(self) -> None:
        if self._transformer is not None:
            release(self._transformer)
            self._transformer = None
            release_cache()

    @cached_property
    def vae(self) -> Any:
        return self.placer.place("vae", load_vae(self.files.vae / "vae", self.plan.of("vae").form))

    @cached_property
    def text(self) -> TextEncoder:
        form = self.plan.of("text_encoder").form
        found = TextEncoder(self.files.text, form=form, on_device=self._hold_on_device, digest=self._digest)
        found.kept = self._kept
        return found

    @contextmanager
    def _hold_on_device(self, name: str, module: Any) -> Generator[Any]:
        """The text encoder where the plan says, alone: a transformer that is on the device is given up for it."""
        if self.device.kind != "cpu":
            self._give_up_transformer()
        placed = self.placer.place(name, module)
        try:
            with self.placer.on_device(name, placed) as there:
                yield there
        finally:
            release(placed)

    def run(self, name: str, network: Any, work: Callable[[Any], Result]) -> Result:
        """The result of `work` with the network on the device, without gradients."""
        with torch.no_grad(), self.placer.on_device(name, network) as placed:
            return work(placed)

    def to_device(self, value: Tensor, name: str) -> Tensor:
        """The tensor on the device, in the dtype that the named network computes in."""
        return value.to(self.device.torch, compute_dtype(self.plan.of(name).form, self.placer.half(name)))
