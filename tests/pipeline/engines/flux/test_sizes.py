"""What a loaded network really holds, at published size on the meta device, is what the memory plan counts."""

import pytest
from torch import nn

from mien_pipeline.engines.diffusion.casting import cast, held_bytes
from mien_pipeline.engines.flux.components import NETWORKS, published_components
from mien_pipeline.plan.component import BYTES, Component, NumberFormat
from mien_pipeline.plan.ladder import LADDERS, TEXT_FORMS
from mien_pipeline.plan.placement import GIB
from mien_testing.published_networks import published_network

PLANNED = {one.name: one for one in published_components()}
PLAIN: tuple[NumberFormat, ...] = ("float32", "bfloat16", "float8")
# Forms that are made of float8, bfloat16 and float32 by our own code, by network: those that a ladder has for it.
FORMS = {
    "transformer": {rung.core[0] for rungs in LADDERS.values() for rung in rungs},
    "text_encoder_2": {form for forms in TEXT_FORMS.values() for form, _ in forms},
} | {
    name: {rung.parts[0] for rungs in LADDERS.values() for rung in rungs}
    for name in ("control_net", "pulid_attentions", "faceid")
}
CASES = [(name, form) for name in NETWORKS for form in PLAIN if form in FORMS.get(name, {"float32", "bfloat16"})]


@pytest.mark.parametrize(("name", "form"), CASES, ids=[f"{name} {form}" for name, form in CASES])
def test_a_network_holds_what_is_planned_within_three_per_cent(name: str, form: NumberFormat) -> None:
    network = published_network(name)
    cast(network, form)
    assert held_bytes(network) == pytest.approx(PLANNED[name].bytes_as(form), rel=0.03)


@pytest.mark.parametrize(
    ("name", "gib"), [("transformer", 11.13), ("control_net", 2.78), ("text_encoder_2", 5.37), ("faceid", 1.29)]
)
def test_float8_takes_what_was_measured(name: str, gib: float) -> None:
    network = published_network(name)
    cast(network, "float8")
    assert held_bytes(network) / GIB == pytest.approx(gib, abs=0.01)
    assert PLANNED[name].bytes_as("float8") / GIB == pytest.approx(gib, abs=0.02)


@pytest.mark.parametrize("form", ["nf4", "int8", "gguf-q8", "gguf-q4"])
def test_the_transformers_packed_forms_hold_every_matrix_of_a_linear_layer(form: NumberFormat) -> None:
    """bitsandbytes and torchao pack on a card, and GGUF files are packed by others: their sizes are in `tests/gpu`.

    What is compared here is how many parameters they pack: all that a linear layer multiplies with.
    """
    network = published_network("transformer")
    packed = sum(layer.weight.numel() for layer in network.modules() if isinstance(layer, nn.Linear))
    rest = sum(value.numel() for value in network.parameters()) - packed
    planned: Component = PLANNED["transformer"]
    assert packed * BYTES[form] + rest * 2 == pytest.approx(planned.bytes_as(form), rel=0.001)
