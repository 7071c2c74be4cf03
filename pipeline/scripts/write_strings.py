"""Write the console's and the extension's strings from the one source: `python pipeline/scripts/write_strings.py`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from mien_core.languages import FALLBACK, LANGUAGES, collect

ROOT = Path(__file__).parents[2]


def generate() -> Iterator[tuple[Path, str]]:
    """Every generated file with its content."""
    for language in LANGUAGES:
        console = ROOT / f"daemon/mien_daemon/console/locales/{language}.json"
        yield console, to_json(collect("console", language))
        messages = ROOT / f"extension/_locales/{language}/messages.json"
        yield messages, to_json(number_gaps(collect("extension", language), collect("extension", FALLBACK)))


def number_gaps(strings: dict[str, str], english: dict[str, str]) -> dict[str, dict[str, str]]:
    """Strings as browsers read them: `{name}` becomes `$1`, counted in the order of the English text."""
    messages: dict[str, dict[str, str]] = {}
    for key, text in strings.items():
        order = list(dict.fromkeys(re.findall(r"\{(\w+)\}", english[key])))
        for place, name in enumerate(order, start=1):
            text = text.replace(f"{{{name}}}", f"${place}")
        messages[key] = {"message": text}
    return messages


def to_json(strings: object) -> str:
    return json.dumps(strings, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for path, content in generate():
        path.write_text(content, encoding="utf-8", newline="\n")
