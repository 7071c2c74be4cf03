"""Every sentence that a person reads, in six languages; the files in `strings/` are the one source.

A file has eight sections. `problems` says what went wrong, by code, and is shared by all user interfaces. `advice`
says what to do about it; the console adds it, the extension has buttons instead. `stages` and `warnings` are
named by the pipeline, `shared` holds words of more than one user interface, and `console`, `extension` and `tray`
hold the rest. An interface's own string wins over a shared one of the same key.

The tray and the command line read the source. The console's `locales/` and the extension's `_locales/` are
generated from it by `pipeline/scripts/write_strings.py` and committed.
"""

import json
import locale
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, cast

LANGUAGES = ("en", "de", "fr", "es", "ja", "zh_CN")
FALLBACK = "en"
SOURCE = Path(__file__).parent / "strings"

Surface = Literal["console", "extension", "tray"]
Section = Literal["shared", "problems", "advice", "stages", "warnings", "console", "extension", "tray"]
Strings = Mapping[str, str]

# These write no space between sentences.
_UNSPACED = {"ja", "zh_CN"}
# The extension has a button for most problems. These need words: the remedy lies outside the browser, or is to wait.
_ADVISED_BY_EXTENSION = {
    "broken-weights",
    "daemon-unreachable",
    "gpu-out-of-memory",
    "not-enough-memory",
    "pairing-closed",
    "queue-full",
    "too-many-requests",
}


@cache
def load(language: str) -> Mapping[Section, Strings]:
    """The source of one language, by section."""
    return cast("Mapping[Section, Strings]", json.loads((SOURCE / f"{language}.json").read_text(encoding="utf-8")))


def look_up(section: Section, name: str, language: str = FALLBACK) -> str:
    """One string; in English where the language lacks it."""
    return load(language)[section].get(name) or load(FALLBACK)[section][name]


def collect(surface: Surface, language: str) -> dict[str, str]:
    """The strings of one user interface by key: `problem_no_face_found`, `stage_check_result`, `cancel`."""
    source = load(language)
    problems = source["problems"] if surface == "tray" else advise(surface, language)
    strings = {**source["shared"], **_put_prefix("problem", problems)}
    if surface != "tray":
        strings |= _put_prefix("stage", source["stages"])
    if surface == "console":
        strings |= _put_prefix("warning", source["warnings"])
    return {**strings, **source[surface]}


def advise(surface: Surface, language: str) -> dict[str, str]:
    """Every problem's sentence, followed by its advice where this user interface gives it."""
    source, space = load(language), "" if language in _UNSPACED else " "
    advice = {
        code: text
        for code, text in source["advice"].items()
        if surface == "console" or (surface == "extension" and code in _ADVISED_BY_EXTENSION)
    }
    return {
        code: f"{fact}{space}{advice[code]}" if code in advice else fact for code, fact in source["problems"].items()
    }


def key_of(prefix: str, name: str) -> str:
    """The key of a problem, stage or warning: `problem`, `no-face-found` → `problem_no_face_found`."""
    return f"{prefix}_{name.replace('-', '_')}"


def _put_prefix(prefix: str, strings: Strings) -> dict[str, str]:
    return {key_of(prefix, name): text for name, text in strings.items()}


def choose_language(environ: Mapping[str, str] = os.environ) -> str:
    """The first of the person's languages that there are strings for."""
    for wanted in list_wanted(environ):
        code = wanted.split(".")[0].split("@")[0].replace("-", "_")
        if code in LANGUAGES:
            return code
        for known in LANGUAGES:
            if known.split("_")[0] == code.split("_")[0]:
                return known
    return FALLBACK


def list_wanted(environ: Mapping[str, str]) -> list[str]:
    """The person's languages as gettext reads them: LANGUAGE is a list; a locale of C or POSIX silences it."""
    setting = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    if setting.split(".")[0] in {"C", "POSIX"}:
        return []
    return [*filter(None, environ.get("LANGUAGE", "").split(":")), *filter(None, [setting or ask_system()])]


def ask_system() -> str:
    """The system's language where no variable says it: Windows and macOS set none for programs of the desktop."""
    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    if sys.platform == "darwin":
        done = subprocess.run(["defaults", "read", "-g", "AppleLocale"], capture_output=True, text=True, check=False)
        return done.stdout.strip()
    return ""
