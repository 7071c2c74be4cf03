"""An ONNX network on the best execution provider that is here, and on the processor when that one fails."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mien_core.errors import BrokenWeights, EngineUnavailable
from mien_pipeline.image import Floats

log = logging.getLogger(__name__)

PROCESSOR = "CPUExecutionProvider"
# Names as ONNX Runtime gives them, best first. Each build of it has one or two. TensorRT and OpenVINO come last of
# those for their cards: both compile a network before its first run, TensorRT for minutes.
PREFERRED = (
    "CUDAExecutionProvider",
    "TensorrtExecutionProvider",
    "MIGraphXExecutionProvider",
    "ROCMExecutionProvider",
    "DmlExecutionProvider",
    "CoreMLExecutionProvider",
    "OpenVINOExecutionProvider",
    PROCESSOR,
)
# Those that NVIDIA's libraries must be loaded for; pip puts them where the loader does not look.
_NVIDIA = ("CUDAExecutionProvider", "TensorrtExecutionProvider")
SWITCH = "MIEN_ONNX_PROVIDER"
# Types of inputs that float32 values are turned into: networks in half precision, and CodeFormer's weight.
_TYPES = {"tensor(float16)": np.float16, "tensor(double)": np.float64}


class Runtime(Protocol):
    """What is used of the module `onnxruntime`."""

    def get_available_providers(self) -> Sequence[str]:
        """The providers that this build was compiled with; their libraries need not be here."""
        ...

    # The name is ONNX Runtime's own.
    def InferenceSession(self, path: str, /, *, providers: Sequence[str], enable_fallback: int) -> Any:  # noqa: N802
        """A session of the file; it raises what it likes, or leaves a provider out in silence."""
        ...


def choose_provider(available: Sequence[str], environ: Mapping[str, str] = os.environ) -> str:
    """The best of the providers of this build, or the one that `MIEN_ONNX_PROVIDER` names.

    `MIEN_DEVICE=cpu` means the processor here as well.

    Raises:
        EngineUnavailable: this build has no provider of that name.
    """
    if wanted := environ.get(SWITCH):
        if wanted not in available:
            raise EngineUnavailable(
                f"ONNX Runtime has no provider {wanted!r} here, but {', '.join(available)}", provider=wanted
            )
        return wanted
    if environ.get("MIEN_DEVICE") == "cpu":
        return PROCESSOR
    return next((name for name in PREFERRED if name in available), PROCESSOR)


class OnnxNetwork:
    """A network of one file. Where its provider fails, the processor runs it from then on.

    Attributes:
        path: the file.
        provider: what runs the network.
        failed: the provider that failed before it, or None.
    """

    def __init__(self, path: Path, *, runtime: Runtime | None = None, environ: Mapping[str, str] = os.environ) -> None:
        """Load the network.

        Raises:
            EngineUnavailable: as `choose_provider`.
            Exception: what ONNX Runtime raises for a file that is no network; its errors share no public class.
        """
        self._runtime: Runtime = runtime or _import_runtime()
        self.path = path
        self.failed: str | None = None
        self.provider = choose_provider(self._runtime.get_available_providers(), environ)
        self._session = self._open(self.provider) if self.provider == PROCESSOR else self._try_to_open()
        self._types = {each.name: _TYPES[each.type] for each in self.get_inputs() if each.type in _TYPES}

    def get_inputs(self) -> Sequence[Any]:
        """Each input's `name` and `shape`, as ONNX Runtime has them."""
        return list(self._session.get_inputs())

    def get_outputs(self) -> Sequence[Any]:
        """Each output's `name` and `shape`, as ONNX Runtime has them."""
        return list(self._session.get_outputs())

    def run(self, output_names: Sequence[str] | None, inputs: Mapping[str, Floats]) -> list[Floats]:
        """The outputs of these names, or all; float32. Inputs are turned into the type that the file wants.

        A provider that raises, or answers with what is no number, is not asked again.
        """
        if self.provider == PROCESSOR:
            return self._session_run(output_names, inputs)
        try:
            found = self._session_run(output_names, inputs)
            if all(np.isfinite(each).all() for each in found):
                return found
            log.warning("%s computed no numbers for %s", self.provider, self.path.name)
        except Exception:
            log.warning("%s failed to run %s", self.provider, self.path.name, exc_info=True)
        self._session = self._give_up()
        return self._session_run(output_names, inputs)

    def _session_run(self, output_names: Sequence[str] | None, inputs: Mapping[str, Floats]) -> list[Floats]:
        given = {name: values.astype(self._types.get(name, np.float32), copy=False) for name, values in inputs.items()}
        return [np.asarray(each, np.float32) for each in self._session.run(output_names, given)]

    def _try_to_open(self) -> Any:
        try:
            session = self._open(self.provider)
            if self.provider in session.get_providers():
                return session
            # A library of the provider is missing: ONNX Runtime writes so to its log, and takes the processor.
            log.warning("%s could not be loaded for %s", self.provider, self.path.name)
        except Exception:
            log.warning("%s failed to load %s", self.provider, self.path.name, exc_info=True)
        return self._give_up()

    def _give_up(self) -> Any:
        self.failed, self.provider = self.provider, PROCESSOR
        return self._open(PROCESSOR)

    def _open(self, provider: str) -> Any:
        providers = [provider] if provider == PROCESSOR else [provider, PROCESSOR]
        # ONNX Runtime's own way back would print, and would not say that it was taken.
        return self._runtime.InferenceSession(str(self.path), providers=providers, enable_fallback=0)


def open_network(weights: Path) -> OnnxNetwork:
    """The network of a file.

    Raises:
        BrokenWeights: the file is none that ONNX Runtime reads.
        EngineUnavailable: as `choose_provider`.
    """
    try:
        return OnnxNetwork(weights)
    except _loading_errors() as error:
        raise BrokenWeights(f"{weights.name} cannot be read: {error}", file=weights.name) from error


def _loading_errors() -> tuple[type[Exception], ...]:
    """What a file may raise. ONNX Runtime's own errors share no class but `Exception`."""
    names = vars(import_module("onnxruntime.capi.onnxruntime_pybind11_state")).values()
    own = [each for each in names if isinstance(each, type) and issubclass(each, Exception)]
    return (*own, OSError, RuntimeError, ValueError)


def _import_runtime() -> Runtime:
    import onnxruntime

    if any(name in onnxruntime.get_available_providers() for name in _NVIDIA):
        with redirect_stdout(sys.stderr):  # it prints
            onnxruntime.preload_dlls()
    found: Runtime = onnxruntime
    return found
