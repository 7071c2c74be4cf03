"""A file that an answer is written to."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """The file, to be written; where that ends early no half of it stays. A device stays."""
    file = path.open("wb")
    try:
        with file:
            yield file
    except BaseException:
        if path.is_file():
            path.unlink()
        raise
