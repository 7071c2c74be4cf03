"""Every ladder begins with everything in full and resident, and goes down to what the device can still do."""

import pytest

from mien_pipeline.plan.component import BYTES
from mien_pipeline.plan.ladder import LADDERS, TEXT_FORMS
from mien_pipeline.plan.placement import DeviceKind


@pytest.mark.parametrize(
    ("device", "first", "last"),
    [
        ("discrete", ("bfloat16", "resident"), ("gguf-q4", "streamed")),
        ("unified", ("bfloat16", "resident"), ("gguf-q4", "resident")),
        ("cpu", ("float32", "resident"), ("gguf-q4", "resident")),
    ],
)
def test_a_ladder_goes_from_the_fastest_to_the_smallest(
    device: DeviceKind, first: tuple[str, str], last: tuple[str, str]
) -> None:
    rungs = LADDERS[device]
    assert rungs[0].core == rungs[0].parts == first
    assert rungs[-1].core == last
    assert len(set(rungs)) == len(rungs)


def test_once_the_transformer_is_streamed_it_is_never_resident_again() -> None:
    """What is resident costs nothing per step, so it comes first."""
    for rungs in LADDERS.values():
        streams = [rung.core[1] == "streamed" for rung in rungs]
        assert streams == sorted(streams)


@pytest.mark.parametrize("device", LADDERS)
def test_text_encoders_take_less_from_one_try_to_the_next(device: DeviceKind) -> None:
    """In memory for a moment, then in fewer bits, then layer by layer."""
    tries = [(residency == "streamed", -BYTES[form]) for form, residency in TEXT_FORMS[device]]
    assert tries == sorted(tries)
    assert ("bfloat16", "on-demand") in TEXT_FORMS[device][:2]
