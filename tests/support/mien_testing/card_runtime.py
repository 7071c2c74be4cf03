"""ONNX Runtime in a build that has a card's provider, which works, or fails in one of the ways that were seen."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import onnxruntime

from mien_pipeline.image import Floats
from mien_pipeline.onnx_network import PROCESSOR

CUDA = "CUDAExecutionProvider"
# "left-out": a library of the provider is missing, and ONNX Runtime takes the processor with a line in its log.
Fault = Literal["raises", "left-out", "run-raises", "no-numbers"]


class CardSession:
    """What ONNX Runtime gives for a provider: a session on the processor, with the card's name and one fault."""

    def __init__(self, session: Any, providers: Sequence[str], fault: Fault | None) -> None:
        self.session = session
        self.fault = fault
        self.providers = [PROCESSOR] if fault == "left-out" else list(providers)
        self.runs = 0

    def get_providers(self) -> list[str]:
        return self.providers

    def get_inputs(self) -> Any:
        return self.session.get_inputs()

    def get_outputs(self) -> Any:
        return self.session.get_outputs()

    def run(self, names: Sequence[str] | None, inputs: Mapping[str, Floats], options: Any = None) -> list[Floats]:
        self.runs += 1
        if self.fault == "run-raises":
            raise RuntimeError("CUDNN failure 1: CUDNN_STATUS_NOT_INITIALIZED")
        found: list[Floats] = self.session.run(names, inputs, options)
        return [each * np.float32(np.nan) for each in found] if self.fault == "no-numbers" else found


class CardRuntime:
    """The real ONNX Runtime, in a build that has another provider as well."""

    def __init__(self, provider: str, fault: Fault | None = None) -> None:
        self.provider = provider
        self.fault: Fault | None = fault
        self.opened: list[CardSession] = []

    def get_available_providers(self) -> list[str]:
        return [self.provider, PROCESSOR]

    def preload_dlls(self) -> None:
        """As in builds for NVIDIA's cards."""

    def InferenceSession(self, path: str, /, *, providers: Sequence[str], enable_fallback: int) -> CardSession:  # noqa: N802
        if self.fault == "raises" and self.provider in providers:
            raise RuntimeError("Failed to load shared library")
        real = onnxruntime.InferenceSession(path, providers=[PROCESSOR], enable_fallback=enable_fallback)
        self.opened.append(CardSession(real, providers, self.fault if self.provider in providers else None))
        return self.opened[-1]
