"""Where a command writes its picture: its format and its name; no input is overwritten."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien_pipeline.options import Format

FORMATS: dict[str, Format] = {
    ".jpg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".avif": "avif",
    ".tiff": "tiff",
    ".jpeg": "jpeg",
    ".tif": "tiff",
}


def choose_format(output: Path | None) -> Format | None:
    """The format that the output's name asks for; None, without a name, keeps the picture's own.

    Raises:
        InvalidOptions: `field` is output; `known` lists the endings of formats that can be marked.
    """
    from mien_core.errors import InvalidOptions

    if output is None:
        return None
    if output.suffix.lower() not in FORMATS:
        raise InvalidOptions(
            f"{output.name} does not end like a picture that can be marked", field="output", known=sorted(FORMATS)
        )
    return FORMATS[output.suffix.lower()]


def refuse_overwriting(output: Path | None, inputs: Iterable[Path]) -> None:
    """Raises `InvalidOptions` when the output is one of the pictures to read."""
    from mien_core.errors import InvalidOptions

    if output and output.resolve() in [path.resolve() for path in inputs]:
        raise InvalidOptions(f"{output} is one of the pictures to read", field="output")


def name_beside(picture: Path, what: str, data: bytes) -> Path:
    """A path beside the picture: its name, what was done to it, and the ending of the format of `data`."""
    from mien_pipeline.media.probe import probe

    made = probe(data).format
    suffix = next(suffix for suffix, name in FORMATS.items() if name == made)
    return picture.with_name(f"{picture.stem}-{what}{suffix}")


def write_result(output: Path, data: bytes) -> None:
    """Write the whole file or none, with the permissions that the umask gives.

    Raises:
        DiskFull, OutputNotWritable: `file` says which.
    """
    from mien_core.files import naming_output_errors, write_whole

    with naming_output_errors(output):
        write_whole(output, data)


def make_folder(folder: Path) -> None:
    """Make the folder if it is not there; raises as `write_result` does."""
    from mien_core.files import naming_output_errors

    with naming_output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
