"""What the tray says, in the person's language; one file a language in `assets/strings/`, English where none fits."""

import json
import locale
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

LANGUAGES = ("en", "de", "fr", "es", "ja", "zh_CN")
FALLBACK = "en"
STRINGS = Path(__file__).parent / "assets" / "strings"


class Words:
    """The strings of one language; call it with a key and what stands in the braces."""

    def __init__(self, language: str = FALLBACK) -> None:
        self.language = language
        self._strings = load(language)

    def __call__(self, key: str, **fields: object) -> str:
        return self._strings[key].format(**fields)

    def knows(self, key: str) -> bool:
        return key in self._strings


def load(language: str) -> Mapping[str, str]:
    return cast("Mapping[str, str]", json.loads((STRINGS / f"{language}.json").read_text(encoding="utf-8")))


def language_of(environ: Mapping[str, str] = os.environ) -> str:
    """The first of the person's languages that there are strings for."""
    for wanted in wanted_languages(environ):
        code = wanted.split(".")[0].split("@")[0].replace("-", "_")
        if code in LANGUAGES:
            return code
        for known in LANGUAGES:
            if known.split("_")[0] == code.split("_")[0]:
                return known
    return FALLBACK


def wanted_languages(environ: Mapping[str, str]) -> list[str]:
    """As gettext reads them: LANGUAGE is a list; an untranslated locale (C, POSIX) silences it."""
    setting = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    if setting.split(".")[0] in {"C", "POSIX"}:
        return []
    return [*filter(None, environ.get("LANGUAGE", "").split(":")), *filter(None, [setting or system_language()])]


def system_language() -> str:
    """Where no variable says it: programs that a desktop starts on Windows and macOS have none."""
    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    if sys.platform == "darwin":
        done = subprocess.run(["defaults", "read", "-g", "AppleLocale"], capture_output=True, text=True, check=False)
        return done.stdout.strip()
    return ""
