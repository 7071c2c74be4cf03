"""Models that came with the program: an exported folder inside a package, installed once and without a network.

`installers/bundle/mien.spec` puts the folder into the frozen program. It is only read; a package belongs to the system.
"""

import sys
from pathlib import Path

from pydantic import BaseModel, ValidationError

from mien_core.files import write_whole
from mien_core.locks import exclusively
from mien_core.program import is_frozen
from mien_models.catalogue.entries import ModelFile
from mien_models.exchange.manifest import MANIFEST, Manifest
from mien_models.local.digests import FileDigest
from mien_models.local.folder import ModelsFolder

FOLDER = "starter-models"
"""Its name inside the frozen program."""


def carried_folder() -> Path | None:
    """Where the models are that this program brings; None where it brings none."""
    inside = getattr(sys, "_MEIPASS", None) if is_frozen() else None
    folder = Path(inside) / FOLDER if inside else None
    return folder if folder and (folder / MANIFEST).is_file() else None


def find_carried(carried: Path, model: str, file: ModelFile, digest: FileDigest) -> Path | None:
    """A file of a carried model, if one of the right size is there. Its digest is not checked here."""
    path = carried / model / file.installed_as
    return path if path.is_file() and path.stat().st_size == digest.size else None


def carried_text(carried: Path, licence: str) -> bytes | None:
    """The words of a licence that came with the models under it."""
    path = carried / "licences" / f"{licence}.txt"
    return path.read_bytes() if path.is_file() else None


class Offered(BaseModel, frozen=True):
    """Models that were installed from a package before, with their versions."""

    versions: dict[str, str] = {}


def list_new(models: ModelsFolder, carried: Path) -> list[str]:
    """The carried models that were never offered here in this version.

    What a person has removed was offered before, so it stays removed.
    """
    before = _read(_note(models)).versions
    return [name for name, version in _brought(models, carried).items() if before.get(name) != version]


def note_offered(models: ModelsFolder, carried: Path) -> None:
    """Hold that every carried model was offered here."""
    with exclusively(models.root / "locks" / ".offered"):
        versions = {**_read(_note(models)).versions, **_brought(models, carried)}
        write_whole(_note(models), Offered(versions=versions).model_dump_json().encode())


def _note(models: ModelsFolder) -> Path:
    return models.root / "offered.json"


def _brought(models: ModelsFolder, carried: Path) -> dict[str, str]:
    """Version of each carried model that the catalogue knows."""
    manifest = Manifest.model_validate_json((carried / MANIFEST).read_bytes())
    return {name: one.version for name, one in manifest.models.items() if name in models.catalogue.models}


def _read(path: Path) -> Offered:
    try:
        return Offered.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Offered()
