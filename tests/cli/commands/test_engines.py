"""`mien engines`: what each engine lacks, and which options are its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien_pipeline.engines.registry import parse_options

RunJson = Callable[..., tuple[int, Any]]


def test_engines_say_what_they_lack(here: Path, run_json: RunJson) -> None:
    _, document = run_json("engines")
    engines = {engine["name"]: engine for engine in document["engines"]}
    assert engines["mesh"]["state"] == "ready"
    assert engines["inswapper"]["missing_models"] == ["inswapper"]


def test_engines_say_which_options_are_their_own_and_their_defaults_can_be_set(here: Path, run_json: RunJson) -> None:
    _, document = run_json("engines")
    own = {engine["name"]: engine["options"] for engine in document["engines"]}
    assert list(own["mesh"]) == ["shape", "gaze", "mask", "detector"], "what all engines have comes last"
    for engine, options in own.items():
        chosen = {name: schema["default"] for name, schema in options.items()}
        assert parse_options({"engine": engine, **chosen}) == parse_options({"engine": engine})
