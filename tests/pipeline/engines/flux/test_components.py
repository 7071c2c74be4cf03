"""The published networks are summed to what their authors published; float8 leaves the small layers alone."""

import pytest

from mien_pipeline.engines.flux.components import published_components
from mien_pipeline.plan.placement import GIB


@pytest.mark.parametrize(
    ("name", "bfloat16", "float8", "four_bits"),
    [
        ("transformer", 22.17, 11.13, 6.23),
        ("control_net", 5.50, 2.78, 1.55),
        ("pulid_attentions", 0.78, 0.39, 0.22),
        ("faceid", 2.58, 1.29, 0.73),
        ("id_former", 0.28, 0.14, 0.08),
        ("eva", 0.57, 0.29, 0.16),
    ],
)
def test_weights_sum_to_what_was_published(name: str, bfloat16: float, float8: float, four_bits: float) -> None:
    one = next(each for each in published_components() if each.name == name)
    assert one.bytes_as("bfloat16") / GIB == pytest.approx(bfloat16, abs=0.01)
    assert one.bytes_as("float8") / GIB == pytest.approx(float8, abs=0.02)
    assert one.bytes_as("nf4") / GIB == pytest.approx(four_bits, abs=0.02)
