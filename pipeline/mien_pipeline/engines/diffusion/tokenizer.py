"""A tokenizer from a folder of the model store."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from mien_core.errors import BrokenWeights


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder.

    Raises:
        BrokenWeights: `file` is the folder's name.
    """
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise BrokenWeights(f"{folder.name} holds no tokenizer that can be read", file=folder.name) from error
