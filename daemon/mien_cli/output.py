"""How a command speaks: one JSON document on stdout with `--json`, words otherwise; progress always on stderr."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping


def answer(args: Namespace, document: Mapping[str, object], words: str) -> int:
    """Print what a command found out, in the form the person asked for, and return exit status 0."""
    sys.stdout.write((as_json(document) if args.json else words) + "\n")
    return 0


def as_json(document: Mapping[str, object]) -> str:
    """A document as it is printed."""
    return json.dumps(document, ensure_ascii=False, indent=2)


def tell(words: str) -> None:
    """A line for the person, on stderr, so that stdout stays one document."""
    sys.stderr.write(words + "\n")
