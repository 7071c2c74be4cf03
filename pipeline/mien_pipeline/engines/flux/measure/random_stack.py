"""The stack with random values: loaded as ever, filled where the values are, and placed as ever."""

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from mien_models.store import ModelStore
from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.measure.random_values import RandomPlacer
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Kps
from mien_pipeline.image import Image
from mien_pipeline.plan.placement import Plan


@dataclass(frozen=True, slots=True)
class RandomRecogniser:
    """In the place of ArcFace, whose file is a network of its own format: one embedding, as long as real ones are."""

    network: Any

    def embed(self, _image: Image, _kps: Kps) -> Tensor:
        """(1, 512) float32 on the CPU."""
        return torch.randn(1, 512, generator=torch.Generator().manual_seed(1))


class RandomStack(Stack):
    """The engine's stack on files whose values are holes."""

    def __init__(self, store: ModelStore, files: FluxFiles, device: Device, plan: Plan) -> None:
        super().__init__(store, files, device, plan)
        self.placer = RandomPlacer(device, plan)

    @cached_property
    def arcface(self) -> Any:
        return RandomRecogniser(SimpleNamespace(provider=None, failed=None))
