"""`mien engines`: what each engine lacks, and which options are its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    shared = ["detector", "recogniser"]
    assert list(own["mesh"]) == ["shape", "gaze", "mask", "eyes", *shared], "what all engines have comes last"
    for engine, options in own.items():
        chosen = {name: schema["default"] for name, schema in options.items()}
        assert parse_options({"engine": engine, **chosen}) == parse_options({"engine": engine})


@pytest.mark.parametrize(
    ("words", "code", "fields"),
    [
        (("install", "nope"), "unknown-engine", {"field": "engine"}),
        (("install", "mesh"), "engine-unavailable", {"reason": "embedded"}),
        (("install", "flux", "--device", "mps"), "engine-unavailable", {"reason": "not-locked", "device": "mps"}),
        (("install", "flux", "--device", "cpu", "--offline"), "offline", {}),
        (("import", "absent"), "import-refused", {"reason": "not-exported"}),
        (("export", "set", "--offline"), "offline", {}),
        (("remove", "nope"), "unknown-engine", {"field": "engine"}),
    ],
)
def test_what_cannot_be_installed_is_refused_before_anything_is_fetched(
    here: Path, run_json: RunJson, words: tuple[str, ...], code: str, fields: dict[str, str]
) -> None:
    status, problem = run_json("engines", *words)
    assert (status, problem["code"]) == (1, code)
    assert problem | fields == problem
    assert not list(here.glob("**/engines/env"))


def test_the_environment_of_an_engine_that_has_none_is_gone_already(here: Path, run_json: RunJson) -> None:
    assert run_json("engines", "remove", "flux") == (0, {"engine": "flux", "removed": True})
