"""The device promises: it is named without torch, refused by name, and running out of memory has a name."""

import pytest
import torch

from mien_core.errors import EngineUnavailable, GpuOutOfMemory
from mien_pipeline.device import choose_device, device_name, name_out_of_memory

pytestmark = pytest.mark.slow


def test_a_device_that_is_not_here_is_refused_by_name() -> None:
    with pytest.raises(EngineUnavailable, match="tpu"):
        choose_device({"MIEN_DEVICE": "tpu"})
    assert choose_device({"MIEN_DEVICE": "cpu"}).kind == "cpu"
    assert device_name({"MIEN_DEVICE": "cpu"}) == "cpu"


def test_the_name_is_told_without_loading_torch() -> None:
    assert device_name({}) == choose_device({}).torch.type


def test_an_accelerator_that_runs_out_is_named() -> None:
    with pytest.raises(GpuOutOfMemory), name_out_of_memory():
        raise torch.OutOfMemoryError("tried to allocate 2.00 GiB. more words")
