"""A network runs on the best provider that is here, and on the processor with a word when that one fails."""

import numpy as np
import onnxruntime
import pytest

from mien_core.errors import EngineUnavailable
from mien_pipeline.image import Floats
from mien_pipeline.onnx_network import PREFERRED, PROCESSOR, OnnxNetwork, choose_provider
from mien_testing.card_runtime import CUDA, CardRuntime, Fault
from mien_testing.swapper import RECOGNISER_FILE, Folder


def crop() -> dict[str, Floats]:
    return {"input": np.random.default_rng(0).normal(size=(1, 3, 112, 112)).astype(np.float32)}


def test_the_stand_in_has_what_is_used_of_onnx_runtime(swapper_weights: Folder) -> None:
    real = onnxruntime.InferenceSession(
        str(swapper_weights.path(RECOGNISER_FILE)), providers=[PROCESSOR], enable_fallback=0
    )
    made = CardRuntime(CUDA).InferenceSession(
        str(swapper_weights.path(RECOGNISER_FILE)), providers=[PROCESSOR], enable_fallback=0
    )
    for theirs, ours in ((onnxruntime, CardRuntime(CUDA)), (real, made)):
        for name in (name for name in dir(type(ours)) if not name.startswith("_")):
            assert callable(getattr(theirs, name)), name
    assert real.get_providers() == made.get_providers() == [PROCESSOR]


@pytest.mark.parametrize(
    ("available", "environ", "chosen"),
    [
        (["AzureExecutionProvider", PROCESSOR], {}, PROCESSOR),
        (["TensorrtExecutionProvider", CUDA, PROCESSOR], {}, CUDA),
        (["DmlExecutionProvider", PROCESSOR], {}, "DmlExecutionProvider"),
        (["CoreMLExecutionProvider", "AzureExecutionProvider", PROCESSOR], {}, "CoreMLExecutionProvider"),
        (["MIGraphXExecutionProvider", "ROCMExecutionProvider", PROCESSOR], {}, "MIGraphXExecutionProvider"),
        (["OpenVINOExecutionProvider", PROCESSOR], {}, "OpenVINOExecutionProvider"),
        ([CUDA, PROCESSOR], {"MIEN_DEVICE": "cpu"}, PROCESSOR),
        (["TensorrtExecutionProvider", CUDA, PROCESSOR], {"MIEN_ONNX_PROVIDER": "TensorrtExecutionProvider"},
         "TensorrtExecutionProvider"),
    ],
)  # fmt: skip
def test_the_best_provider_of_the_build_is_chosen_or_the_one_that_is_named(
    available: list[str], environ: dict[str, str], chosen: str
) -> None:
    assert choose_provider(available, environ) == chosen


def test_a_provider_that_this_build_has_not_is_refused_by_name() -> None:
    with pytest.raises(EngineUnavailable, match="TensorrtExecutionProvider") as refused:
        choose_provider([CUDA, PROCESSOR], {"MIEN_ONNX_PROVIDER": "TensorrtExecutionProvider"})
    assert refused.value.fields["provider"] == "TensorrtExecutionProvider"


def test_every_provider_that_is_preferred_is_one_that_onnx_runtime_knows() -> None:
    """MIGraphX replaced ROCm's own: builds of this version know one, older ones the other."""
    known = set(onnxruntime.get_all_providers())
    assert set(PREFERRED) - known <= {"ROCMExecutionProvider"}


def test_what_this_build_of_onnx_runtime_has_runs_without_a_word(swapper_weights: Folder) -> None:
    network = OnnxNetwork(swapper_weights.path(RECOGNISER_FILE), environ={})
    assert network.provider in {*PREFERRED} & {*onnxruntime.get_available_providers()}
    assert network.failed is None
    assert network.run(None, crop())[0].shape == (1, 512)


@pytest.mark.parametrize("fault", ["raises", "left-out", "run-raises", "no-numbers"])
def test_a_provider_that_fails_is_replaced_by_the_processor_and_not_asked_again(
    swapper_weights: Folder, fault: Fault
) -> None:
    runtime = CardRuntime(CUDA, fault)
    network = OnnxNetwork(swapper_weights.path(RECOGNISER_FILE), runtime=runtime, environ={})
    plain = OnnxNetwork(swapper_weights.path(RECOGNISER_FILE), environ={"MIEN_DEVICE": "cpu"})
    for _ in range(2):
        assert np.array_equal(network.run(None, crop())[0], plain.run(None, crop())[0])
    assert (network.provider, network.failed) == (PROCESSOR, CUDA)
    assert sum(each.runs for each in runtime.opened if CUDA in each.providers) <= 1


def test_a_card_that_works_is_used(swapper_weights: Folder) -> None:
    runtime = CardRuntime(CUDA)
    network = OnnxNetwork(swapper_weights.path(RECOGNISER_FILE), runtime=runtime, environ={})
    network.run(None, crop())
    assert (network.provider, network.failed, runtime.opened[0].runs) == (CUDA, None, 1)
