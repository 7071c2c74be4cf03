"""The console's words: each that is used exists, none is superfluous, six languages say the same."""

import json
import re
from typing import get_args

import pytest

from mien_api.problems import PROBLEMS
from mien_daemon.config import Settings
from mien_daemon.routes.console import FOLDER
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.onnx.options import InswapperOptions
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import STAGE_SHARES
from mien_pipeline.report import SwapWarning

ENGLISH: dict[str, str] = json.loads((FOLDER / "locales/en.json").read_text(encoding="utf-8"))
LANGUAGES = ("en", "de", "fr", "es", "ja", "zh_CN")
ONE_FORM = {"ja", "zh_CN"}  # languages without a singular of their own
SOURCES = {path: path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.js")}
ENGINES: dict[str, type[SwapOptions]] = {"mesh": MeshOptions, "inswapper": InswapperOptions, "flux": FluxOptions}
PLURALS = ("_one", "_other")


def words_of(language: str) -> dict[str, str]:
    table: dict[str, str] = json.loads((FOLDER / f"locales/{language}.json").read_text(encoding="utf-8"))
    return table


def used() -> tuple[set[str], list[re.Pattern[str]]]:
    """Keys that the sources name outright, and the patterns of those they put together."""
    text = "\n".join(SOURCES.values())
    named = set(re.findall(r"[\"'`](\w+)[\"'`]", text))
    composed = re.findall(r"`([\w${}().?:\"\[\], =>-]*\$\{[^`]*)`", text)
    patterns = [re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"\\w+", re.escape(key))) for key in composed]
    return named, [pattern for pattern in patterns if re.match(r"[a-z]+_", pattern.pattern)]


def bare(key: str) -> str:
    return next((key.removesuffix(form) for form in PLURALS if key.endswith(form)), key)


def test_every_word_that_is_used_exists() -> None:
    text = "\n".join(SOURCES.values())
    known = {*ENGLISH, *map(bare, ENGLISH)}
    assert set(re.findall(r"\bt\(\"(\w+)\"", text)) <= known


def test_no_word_is_superfluous() -> None:
    named, patterns = used()
    unused = {
        key
        for key in ENGLISH
        if key not in named and bare(key) not in named and not any(pattern.fullmatch(key) for pattern in patterns)
    }
    assert unused == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_gaps(language: str) -> None:
    own = words_of(language)
    wanted = {key for key in ENGLISH if not (language in ONE_FORM and key.endswith("_one"))}
    assert set(own) == wanted
    gaps = re.compile(r"\{\w+\}")
    assert {key for key, text in own.items() if set(gaps.findall(text)) != set(gaps.findall(ENGLISH[key]))} == set()
    assert all(text.strip() for text in own.values())


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_translation_is_no_copy(language: str) -> None:
    own = words_of(language)
    same = [key for key, text in own.items() if text == ENGLISH[key] and len(text) > 12]
    assert len(same) < 6


def test_every_problem_has_its_sentence() -> None:
    codes = {kind.code for kind in PROBLEMS} | {"internal-error"}
    assert {code for code in codes if f"problem_{code.replace('-', '_')}" not in ENGLISH} == set()


def test_every_stage_warning_setting_and_control_has_its_words() -> None:
    wanted = {
        *(f"stage_{stage.replace('-', '_')}" for stage in STAGE_SHARES),
        *(f"warning_{warning.replace('-', '_')}" for warning in get_args(SwapWarning)),
        *(f"setting_{name}" for name in Settings.model_fields),
        *(f"option_{name}" for engine in ENGINES for name, _ in controls_of(engine)),
    }
    assert wanted - set(ENGLISH) == set()


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


def test_modules_are_small_and_named_by_nouns() -> None:
    """Half of them fit a screen; none is a drawer for leftovers."""
    lengths = sorted(text.count("\n") for text in SOURCES.values())
    assert lengths[len(lengths) // 2] <= 80
    assert not {path.stem for path in SOURCES} & {"utils", "helpers", "common", "manager", "base", "misc"}
