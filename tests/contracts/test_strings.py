"""The one source of strings says everything in six languages, and nothing that no user interface shows."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from mien_api.problems import PROBLEMS
from mien_core.languages import FALLBACK, LANGUAGES, Surface, collect, key_of, load
from mien_daemon.config import Settings
from mien_pipeline.clips.report import ClipWarning
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.progress import STAGE_SHARES
from mien_pipeline.report import Fault, PictureWarning, ReferenceCaution, SwapWarning

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "daemon/mien_daemon/console"
EXTENSION = ROOT / "extension"
TRAY = ROOT / "tray/mien_tray"
SURFACES: tuple[Surface, ...] = get_args(Surface)
ONE_FORM = {"ja", "zh_CN"}  # languages without a singular of their own
CODES = {kind.code for kind in PROBLEMS} | {"internal-error"}
# Keys that each user interface puts together from a prefix and a state, a name or a code.
COMPOSED = {
    "extension": ("problem_", "stage_", "state_", "help_", "remedy_", "extension_", "command_", "engine_"),
    "tray": ("problem_", "state_", "kind_", "notify_", "said_", "why_"),
}


def read(folder: Path, *suffixes: str) -> str:
    paths = sorted(path for path in folder.rglob("*") if path.suffix in suffixes and "node_modules" not in path.parts)
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


CODE = {
    "console": read(CONSOLE, ".js", ".html"),
    "extension": read(EXTENSION / "src", ".js") + read(EXTENSION / "ui", ".js", ".html"),
    "tray": read(TRAY, ".py"),
}


def cut_plural(key: str) -> str:
    return key.removesuffix("_one").removesuffix("_other")


def composed_by_console() -> list[re.Pattern[str]]:
    """The patterns of the keys that the console's template strings make."""
    templates = re.findall(r"`([a-z]\w*_[^`\s]*\$\{[^`]*)`", CODE["console"])
    return [re.compile(re.sub(r"\$\{.*?\}", r"\\w+", template)) for template in templates]


def is_used(surface: Surface, key: str) -> bool:
    names = {key, cut_plural(key)}
    if any(re.search(rf"[\"'`]{name}[\"'`]", CODE[surface]) for name in names):
        return True
    if surface == "console":
        return any(pattern.fullmatch(name) for pattern in composed_by_console() for name in names)
    return key.startswith(COMPOSED[surface])


def test_the_generated_files_are_those_of_the_source(tmp_path: Path) -> None:
    """`python pipeline/scripts/write_strings.py` writes them."""
    script = ROOT / "pipeline/scripts/write_strings.py"
    code = f"import runpy; [print(path, len(path.read_text('utf-8')), path.read_text('utf-8') == text) \
for path, text in runpy.run_path({str(script)!r})['generate']()]"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * len(LANGUAGES)
    assert [line for line in lines if not line.endswith("True")] == []


def test_the_generated_folders_hold_no_other_language() -> None:
    assert {path.stem for path in (CONSOLE / "locales").iterdir()} == set(LANGUAGES)
    assert {path.name for path in (EXTENSION / "_locales").iterdir()} == set(LANGUAGES)


def test_every_problem_stage_warning_and_setting_has_its_string() -> None:
    english = load(FALLBACK)
    assert set(english["problems"]) == CODES
    assert set(english["stages"]) == set(STAGE_SHARES)
    kinds = (SwapWarning, Fault, PictureWarning, ClipWarning, ReferenceCaution)
    assert set(english["warnings"]) == {warning for kind in kinds for warning in get_args(kind)}
    assert {f"setting_{name}" for name in Settings.model_fields} <= set(english["console"])


def test_every_engine_says_in_each_language_what_it_is_good_for() -> None:
    """Without a string the console shows the English summary of the engine itself."""
    assert {f"engine_{name.replace('-', '_')}_hint" for name in ENGINES} <= set(load(FALLBACK)["console"])


def test_a_problems_sentence_needs_no_field() -> None:
    """The tray says it alone; what a field names belongs into the advice."""
    assert [code for code, text in load(FALLBACK)["problems"].items() if "{" in text] == []


def test_advice_is_about_a_problem_that_exists() -> None:
    assert set(load(FALLBACK)["advice"]) <= CODES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_in_the_same_order_with_the_same_gaps(language: str) -> None:
    english, own = load(FALLBACK), load(language)
    assert list(own) == list(english)
    gaps = re.compile(r"\{\w+\}")
    for section, strings in english.items():
        wanted = [key for key in strings if not (language in ONE_FORM and key.endswith("_one"))]
        assert list(own[section]) == wanted, section
        for key in wanted:
            assert set(gaps.findall(own[section][key])) == set(gaps.findall(strings[key])), key
            assert own[section][key].strip() == own[section][key] != "", key


# Networks and codecs go by their own names everywhere.
NAMES = ("option_restorer_", "option_encoder_", "option_detector_", "option_recogniser_", "option_format_")


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != FALLBACK])
def test_a_translation_is_no_copy(language: str) -> None:
    """Names, units and a few short words are the same in several languages; sentences are not."""
    english, own = load(FALLBACK), load(language)
    same = [
        text
        for section in english
        for key, text in english[section].items()
        if own[section].get(key) == text and not key.startswith(NAMES if section != "shared" else "engine_")
    ]
    assert [text for text in same if len(re.sub(r"\{\w+\}|[\W\d]", "", text)) > 13] == []
    assert len(same) < 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_end_as_sentences_do(language: str) -> None:
    stop = "。" if language in ONE_FORM else "."
    source = load(language)
    texts = [*source["problems"].values(), *source["advice"].values(), *source["warnings"].values()]
    assert [text for text in texts if not text.endswith(stop)] == []


@pytest.mark.parametrize("surface", SURFACES)
def test_no_string_is_unused(surface: Surface) -> None:
    assert [key for key in load(FALLBACK)[surface] if not is_used(surface, key)] == []


def test_a_shared_word_is_used_by_several_user_interfaces() -> None:
    for key in load(FALLBACK)["shared"]:
        assert sum(is_used(surface, key) for surface in SURFACES) > 1, key


@pytest.mark.parametrize("surface", SURFACES)
def test_every_string_that_is_named_exists(surface: Surface) -> None:
    calls = {
        "console": r"\bt\(\s*\"(\w+)\"",
        "extension": r"(?:\bsay|getMessage|smallButton)\(\s*[\"'](\w+)[\"']|data-say(?:-[a-z-]+)?=\"(\w+)\"",
        "tray": r"\b_?words\(\s*\"(\w+)\"",
    }
    known = {cut_plural(key) for key in collect(surface, FALLBACK)} | set(collect(surface, FALLBACK))
    named = {
        name
        for groups in re.findall(calls[surface], CODE[surface])
        for name in ([groups] if isinstance(groups, str) else groups)
        if name
    }
    assert len(named) > 20
    assert named - known == set()


def test_the_extensions_own_problems_have_their_sentences() -> None:
    own = set(re.findall(r"new Problem\(\"([a-z-]+)\"", CODE["extension"]))
    assert {code for code in own if key_of("problem", code) not in collect("extension", FALLBACK)} == set()
