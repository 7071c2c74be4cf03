"""What is kept of a clip goes by a digest of all that it depends on, so that only the same work finds it again."""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from mien_pipeline.clip_options import ClipOptions
from mien_pipeline.options import SwapOptions


def hash_clip(clip: Path) -> str:
    """The SHA-256 of a clip's bytes."""
    with clip.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def name_run(
    digest: str, references: Sequence[Sequence[bytes]], options: SwapOptions, clip_options: ClipOptions
) -> str:
    """The name of a run's folder.

    Args:
        digest: of the target's bytes.
        references: the pictures of each person.
        options, clip_options: the engine's, and the clip's.
    """
    people = [[hashlib.sha256(picture).hexdigest() for picture in person] for person in references]
    return _name(digest, people, options.model_dump(mode="json"), clip_options.model_dump(mode="json"))


def name_look(digest: str, clip_options: ClipOptions) -> str:
    """The name under which an analysis is kept; of the options it depends on the part alone.

    Args:
        digest: of the clip's bytes, or a path that says it.
        clip_options: as they were asked for.
    """
    return f"look-{_name(digest, clip_options.begin_s, clip_options.end_s)}"


def _name(*said: object) -> str:
    text = json.dumps([version("mien"), *said], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
