"""The console's controls are those of the schemas that the API serves, for every engine there is."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from mien_core.errors import InvalidOptions
from mien_core.languages import collect, key_of
from mien_daemon.routes.console import FOLDER
from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.clip_options import describe_clip_options
from mien_pipeline.engines.readiness import describe_own_options
from mien_pipeline.engines.registry import BUILT_IN, ENGINES, parse_options
from mien_pipeline.image import Image
from mien_pipeline.media.encode import encode, loses
from mien_pipeline.options import AutoOptions, Format

READ = f"""
import {{ readEngine, valuesUnder }} from {json.dumps((FOLDER / "swap/engines.js").as_uri())};
import {{ readFileSync }} from "node:fs";
const engine = readEngine(JSON.parse(readFileSync(0, "utf8")));
const presets = [...engine.presets.keys()].map((name) => [name, valuesUnder(engine, name)]);
console.log(JSON.stringify({{ controls: engine.controls, presets: Object.fromEntries(presets) }}));
"""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What the console makes of each engine."""
    script: Path = tmp_path_factory.mktemp("console") / "read.mjs"
    script.write_text(READ, encoding="utf-8")
    return {name: read(script, name) for name in ENGINES}


def read(script: Path, name: str) -> Any:
    entry = ENGINES[name]
    served = {
        "name": name,
        "summary": entry.summary,
        "state": "ready",
        "memory_bytes": 0,
        "options": describe_own_options(entry.options),
        "presets": [
            {"name": preset, "options": dict(options), "origin": ""} for preset, options in entry.presets.items()
        ],
    }
    done = subprocess.run(
        ["node", str(script)], input=json.dumps(served), capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_the_usual_quality_of_each_format_is_that_of_the_encoder() -> None:
    module = json.dumps((FOLDER / "swap/writing.js").as_uri())
    script = f"import {{ USUAL }} from {module}; console.log(JSON.stringify(USUAL));"
    command = ["node", "--input-type=module", "-e", script]
    usual = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    picture = Image(np.arange(48 * 48 * 3, dtype=np.uint8).reshape(48, 48, 3))
    assert set(usual) == {name for name in get_args(Format) if loses(name)}
    for name, quality in usual.items():
        assert encode(picture, name) == encode(picture, name, quality=quality)
        assert encode(picture, name) != encode(picture, name, quality=quality - 5)


def accepts(engine: str, **options: object) -> bool:
    try:
        parse_options({"engine": engine, **options})
    except InvalidOptions:
        return False
    return True


@pytest.mark.parametrize("engine", ENGINES)
def test_every_end_of_a_control_is_accepted_and_a_step_beyond_is_not(engine: str, engines: Mapping[str, Any]) -> None:
    for control in engines[engine]["controls"]:
        name = control["name"]
        for value in (control["value"], control.get("min"), control.get("max"), *control.get("choices", ())):
            assert value is None or accepts(engine, **{name: value}), (name, value)
        if control["kind"] == "slider":
            assert not accepts(engine, **{name: control["max"] + control["step"]}), name
            assert not accepts(engine, **{name: control["min"] - control["step"]}), name
        if control["kind"] == "text":
            assert not accepts(engine, **{name: "x" * (control["maxLength"] + 1)}), name


@pytest.mark.parametrize("engine", ENGINES)
def test_every_preset_is_accepted(engine: str, engines: Mapping[str, Any]) -> None:
    for values in engines[engine]["presets"].values():
        assert accepts(engine, **values)


def test_every_control_preset_and_engine_of_the_package_has_its_words() -> None:
    """A row of the catalogue goes by its own name and summary."""
    english = collect("console", "en")
    built_in = [point.name for point in BUILT_IN]
    wanted = {f"engine_{name}" for name in built_in} | {f"engine_{name}_hint" for name in built_in}
    wanted |= {f"option_restorer_{name}" for name in ("vivid", *load_catalogue({}).enhancers)}
    for entry in ENGINES.values():
        wanted |= {key_of("preset", name) for name in entry.presets}
        for name, schema in describe_own_options(entry.options).items():
            if isinstance(schema, dict) and "control" in schema:
                wanted.add(f"option_{name}")
    of_clips = {name for name, schema in describe_clip_options().items() if "control" in schema}
    wanted |= {"format", *(f"option_{name}" for name in of_clips - {"format"})}  # pictures have a format too
    assert wanted - set(english) == set()


def test_the_page_offers_every_format_that_the_api_takes() -> None:
    panel = (FOLDER / "swap/writing.js").read_text(encoding="utf-8")
    formats = re.search(r"const FORMATS = (\[.*?\]);", panel)
    assert formats is not None
    assert tuple(json.loads(formats[1])) == get_args(Format)


def test_every_private_option_is_left_out_of_the_tally_that_the_browser_keeps() -> None:
    arena = (FOLDER / "arena.js").read_text(encoding="utf-8")
    left_out = re.search(r"const PRIVATE = new Set\((\[.*?\])\);", arena)
    assert left_out is not None
    fields = [(name, field) for entry in ENGINES.values() for name, field in entry.options.model_fields.items()]
    private = {
        name
        for name, field in fields
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("private")
    }
    assert set(json.loads(left_out[1])) == private


def test_what_the_page_takes_for_a_clip_is_what_clips_have_controls_for() -> None:
    engines = (FOLDER / "swap/engines.js").read_text(encoding="utf-8")
    of_clips = re.search(r"const OF_CLIPS = new Set\((\[.*?\])\);", engines)
    assert of_clips is not None
    assert set(json.loads(of_clips[1])) == {name for name, told in describe_clip_options().items() if "control" in told}


def test_the_controls_of_an_open_choice_are_what_it_takes_beside_the_page_s_own() -> None:
    engines = (FOLDER / "swap/engines.js").read_text(encoding="utf-8")
    shared = re.search(r"const SHARED = new Set\((\[.*?\])\);", engines)
    assert shared is not None
    of_the_page = {"engine", "faces", "seed", "format", "quality", "restore", "fallback"}
    assert set(json.loads(shared[1])) == AutoOptions.model_fields.keys() - of_the_page
