"""Which Mien this is."""

from importlib.metadata import version
from pathlib import Path

_COMMIT = Path(__file__).with_name("commit.txt")


def product_version() -> str:
    return version("mien")


def product_commit() -> str | None:
    """The commit of a built package, as its build wrote it; None in a source tree, where git knows better."""
    try:
        return _COMMIT.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def describe_version() -> str:
    """As `mien --version` prints it."""
    commit = product_commit()
    return f"mien {product_version()}" + (f" ({commit})" if commit else "")
