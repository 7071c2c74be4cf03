"""What is installed and what may be done with it, as the command line and the API tell it."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from mien_models.catalogue.entries import ModelFile
from mien_models.local import journal as journals
from mien_models.local.folder import Shelf
from mien_models.local.records import State

# The state of a model is the worst of its files'.
_WORST_FIRST: tuple[State, ...] = ("quarantined", "partial", "missing", "ready")


class FileState(BaseModel, frozen=True):
    """One file; `sha256` is None until somebody knows it, `verified_at` until it was hashed here."""

    name: str
    path: str
    format: str
    size: int | None
    sha256: str | None
    state: State
    repository: str
    revision: str | None
    verified_at: datetime | None


class ModelState(BaseModel, frozen=True):
    """One entry of the catalogue.

    `size` is 0 while that of one of its files is unknown; `licence_accepted` is None where nothing is to be accepted.
    """

    name: str
    title: str
    version: str
    state: State
    size: int
    licence: str
    licence_url: str
    licence_accepted: bool | None
    commercial_use: bool
    gated: bool
    needed_by: tuple[str, ...]
    bundles: tuple[str, ...]
    memory_mib: int
    files: tuple[FileState, ...]


class VerifiedFile(BaseModel, frozen=True):
    """One weight file in use, with everything a third party needs to check it."""

    model: str
    repository: str
    revision: str
    path: str
    size: int
    sha256: str
    licence: str
    verified_at: datetime


def list_models(shelf: Shelf, names: Sequence[str] | None = None) -> list[ModelState]:
    """These models, or all in the catalogue's order."""
    return [model_state(shelf, name) for name in (names if names is not None else shelf.catalogue.models)]


def model_state(shelf: Shelf, name: str) -> ModelState:
    entry, licence = shelf.catalogue.model(name), shelf.catalogue.licence_of(name)
    files = tuple(_file_state(shelf, name, file) for file in entry.files)
    states = {file.state for file in files}
    return ModelState(
        name=name,
        title=entry.title,
        version=entry.version,
        state=next(state for state in _WORST_FIRST if state in states),
        size=sum(sizes) if all(sizes := [file.size or 0 for file in files]) else 0,
        licence=licence.name,
        licence_url=licence.url,
        licence_accepted=shelf.licences.acceptance(entry.licence) is not None if licence.must_accept else None,
        commercial_use=licence.commercial,
        gated=entry.gated,
        needed_by=entry.needed_by,
        bundles=tuple(bundle for bundle, members in shelf.catalogue.bundles.items() if name in members),
        memory_mib=entry.memory_mib,
        files=files,
    )


def verified_files(shelf: Shelf) -> list[VerifiedFile]:
    """Every installed file that is as it was when last verified."""
    return [
        VerifiedFile(
            model=name,
            repository=record.repository,
            revision=record.revision,
            path=file.installed_as,
            size=record.size,
            sha256=record.sha256,
            licence=shelf.catalogue.licence_of(name).name,
            verified_at=record.verified_at,
        )
        for name, entry in shelf.catalogue.models.items()
        for file in entry.files
        if shelf.is_ready(name, file) and (record := shelf.record_of(name, file))
    ]


def checksums(shelf: Shelf) -> str:
    """The same for `sha256sum -c`, run in the models folder."""
    return "".join(f"{file.sha256}  models/{file.model}/{file.path}\n" for file in verified_files(shelf))


def _file_state(shelf: Shelf, model: str, file: ModelFile) -> FileState:
    source, record = shelf.catalogue.model(model).source_of(file), shelf.record_of(model, file)
    pin = shelf.pins.of(model, file)
    return FileState(
        name=file.installed_as,
        path=str(shelf.view(model, file.installed_as)),
        format="safetensors" if file.converted else file.format,
        size=record.size if record else (pin.size if pin else file.size),
        sha256=shelf.pins.installed(model, file) or file.sha256,
        state=_state(shelf, model, file),
        repository=source.repository,
        revision=shelf.pins.revision(model, source),
        verified_at=record.verified_at if record else None,
    )


def _state(shelf: Shelf, model: str, file: ModelFile) -> State:
    if shelf.is_ready(model, file):
        return "ready"
    record = shelf.record_of(model, file)
    if record and record.state == "quarantined":
        return "quarantined"
    parts = shelf.parts(model, file.path)
    return "partial" if any(journals.bytes_done(journals.journal_path(part)) for part in parts) else "missing"
