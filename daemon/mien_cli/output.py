"""What a command prints: its answer on stdout, as one JSON document or as text; notes and questions on stderr."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping


def print_answer(args: Namespace, document: Mapping[str, object], text: str) -> int:
    """Print the document with `--json`, else the text; returns exit status 0."""
    sys.stdout.write((to_json(document) if args.json else text) + "\n")
    return 0


def to_json(document: Mapping[str, object]) -> str:
    """The document, indented, with the letters of every language as they are, where stdout is sure to carry them.

    Elsewhere they are JSON's own escapes: in another encoding than UTF-8, and for file names that are no text.
    """
    text = json.dumps(document, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "ascii")
        is_plain = sys.stdout.encoding.lower().replace("-", "").startswith("utf")
    except (AttributeError, UnicodeEncodeError):
        is_plain = False
    return text if is_plain else json.dumps(document, indent=2)


def print_note(text: str) -> None:
    """Print a line for the person on stderr, so that stdout stays one document."""
    sys.stderr.write(text + "\n")


def confirm(question: str) -> bool:
    """Ask on stderr and read one line of stdin; only `y` or `yes` is a yes, and the end of stdin is a no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
