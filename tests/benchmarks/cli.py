"""The command line: how soon it answers when it has nothing to load."""

import subprocess
import sys
from collections.abc import Iterator

from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row, ratio


def rows(store: ModelStore) -> Iterator[Row]:
    """The start alone; `store` is not used."""
    del store
    help_s = ratio(lambda: run("-m", "mien_cli", "--help"), lambda: run("-c", "pass"), times=15)
    yield Row("mien --help ÷ python -c pass", help_s, "ratio", 4)


def run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
