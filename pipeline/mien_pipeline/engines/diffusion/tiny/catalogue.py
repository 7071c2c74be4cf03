"""A catalogue that has the model store take random weights from a folder, under the names of published models."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mien_models.catalogue.entries import Catalogue, ModelFile
from mien_pipeline.engines.diffusion.tiny.write import Write

LICENCE = """
[licences.random-numbers]
name = "CC0 1.0"
spdx = "CC0-1.0"
url = "https://creativecommons.org/publicdomain/zero/1.0/legalcode.txt"
commercial = true
note = "Random numbers."
"""


def write_catalogue(folder: Path, published: Catalogue, models: Sequence[str], files: Mapping[str, Write]) -> Path:
    """Write the models' files below `folder`, and a catalogue with their digests.

    Args:
        published: what the models are called, and where each file lies in its source.
        files: what writes each file, by `model/path`.

    Returns:
        The catalogue's path.
    """
    entries: list[str] = []
    for name in models:
        entries.append(_entry(published, name, folder / name))
        for file in published.model(name).files:
            path = folder / name / file.source_path
            path.parent.mkdir(parents=True, exist_ok=True)
            files[f"{name}/{file.path}"](path)
            entries.append(_file_entry(name, file, path))
    catalogue = folder / "catalogue.toml"
    catalogue.write_text("format = 1\n" + LICENCE + "\n".join(entries), encoding="utf-8")
    return catalogue


def _entry(published: Catalogue, name: str, folder: Path) -> str:
    title = f"random numbers in the layout of: {published.model(name).title}"
    where = json.dumps(folder.absolute().as_posix())
    return (
        f'\n[models.{name}]\ntitle = {json.dumps(title)}\nversion = "tiny"\nlicence = "random-numbers"\n'
        f'source = {{ kind = "local", folder = {where} }}'
    )


def _file_entry(name: str, file: ModelFile, path: Path) -> str:
    content = path.read_bytes()
    values: dict[str, object] = {
        "path": file.path,
        "format": file.format,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "at": file.at,
        "converted": file.converted,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    return "\n".join([f"[[models.{name}.files]]", *lines])
