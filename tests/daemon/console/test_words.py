"""The console's controls have the bounds of the options, and words."""

import json
import re

import pytest

from mien_daemon.routes.console import FOLDER
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.onnx.options import InswapperOptions
from mien_pipeline.options import SwapOptions

ENGINES: dict[str, type[SwapOptions]] = {"mesh": MeshOptions, "inswapper": InswapperOptions, "flux": FluxOptions}


def controls_of(engine: str) -> list[tuple[str, str]]:
    """(name, the rest of its line) of every control in the table."""
    source = (FOLDER / "swap/engines.js").read_text(encoding="utf-8")
    block = re.search(rf"^  {engine}: \[(.*?)\],$", source, re.MULTILINE | re.DOTALL)
    assert block
    return re.findall(r"name: \"(\w+)\", (.*?) }", block.group(1))


@pytest.mark.parametrize("engine", ENGINES)
def test_controls_have_the_bounds_and_defaults_of_the_options(engine: str) -> None:
    """The lower bound may be a step above an excluded zero."""
    for name, line in controls_of(engine):
        field = ENGINES[engine].model_fields[name]
        said = {key: json.loads(value) for key, value in re.findall(r"(\w+): (\[.*?\]|[^,]+)", line)}
        assert said["value"] == field.default
        for value in (said.get("min"), said.get("max"), *said.get("choices", [])):
            if value is not None:
                ENGINES[engine].model_validate({name: value})
        if "max" in said:
            with pytest.raises(ValueError, match=name):
                ENGINES[engine].model_validate({name: said["max"] + 1})
