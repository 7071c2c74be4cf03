"""Every base has the defaults that it was trained with."""

import pytest

from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.registry import parse_options


@pytest.mark.parametrize(
    ("base", "expected"), [("dev", (28, 3.5, 0.75)), ("schnell", (4, 3.5, 0.75)), ("fill", (28, 30.0, 1.0))]
)
def test_a_base_has_the_defaults_it_was_trained_with(base: str, expected: tuple[int, float, float]) -> None:
    """A value given by name wins, and options that are stored and read again are the same."""
    options = parse_options({"engine": "flux", "base": base})
    assert isinstance(options, FluxOptions)
    assert (options.steps, options.guidance_scale, options.strength) == expected
    assert parse_options(options.model_dump(mode="json")) == options
    asked = parse_options({"engine": "flux", "base": base, "steps": 9, "guidance_scale": 2, "strength": 0.5})
    assert isinstance(asked, FluxOptions)
    assert (asked.steps, asked.guidance_scale, asked.strength) == (9, 2, 0.5)
