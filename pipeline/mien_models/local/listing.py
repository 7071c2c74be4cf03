"""What is installed and what may be done with it, as the command line and the API tell it."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from mien_models.catalogue.entries import ModelFile
from mien_models.local import journal as journals
from mien_models.local.folder import ModelsFolder
from mien_models.local.records import IMPORTED, State

# The state of a model is the worst of its files'.
_WORST_FIRST: tuple[State, ...] = ("quarantined", "partial", "missing", "unverified", "ready")


class FileState(BaseModel, frozen=True):
    """One file; `sha256` is None while it is unknown, `verified_at` until it was hashed here and found right.

    `vouched_by` says who gave the digest: the catalogue, or a source by its host; None while no source has. Of a file
    that no source has vouched for, `repository` is "import": where it is from is not known.
    """

    name: str
    path: str
    format: str
    size: int | None
    sha256: str | None
    state: State
    repository: str
    revision: str | None
    verified_at: datetime | None
    vouched_by: str | None


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
    """One weight file in use, with everything a third party needs to check it; see `FileState` for `vouched_by`."""

    model: str
    repository: str
    revision: str
    path: str
    size: int
    sha256: str
    licence: str
    state: State
    verified_at: datetime | None
    vouched_by: str | None


def list_models(models: ModelsFolder, names: Sequence[str] | None = None) -> list[ModelState]:
    """These models, or all in the catalogue's order."""
    return [model_state(models, name) for name in (names if names is not None else models.catalogue.models)]


def model_state(models: ModelsFolder, name: str) -> ModelState:
    entry, licence = models.catalogue.model(name), models.catalogue.licence_of(name)
    files = tuple(_file_state(models, name, file) for file in entry.files)
    states = {file.state for file in files}
    return ModelState(
        name=name,
        title=entry.title,
        version=entry.version,
        state=next(state for state in _WORST_FIRST if state in states),
        size=sum(sizes) if all(sizes := [file.size or 0 for file in files]) else 0,
        licence=licence.name,
        licence_url=licence.url,
        licence_accepted=models.licences.acceptance(entry.licence) is not None if licence.must_accept else None,
        commercial_use=licence.commercial,
        gated=entry.gated,
        needed_by=entry.needed_by,
        bundles=tuple(bundle for bundle, members in models.catalogue.bundles.items() if name in members),
        memory_mib=entry.memory_mib,
        files=files,
    )


def verified_files(models: ModelsFolder) -> list[VerifiedFile]:
    """Every installed file that is as it was when last hashed."""
    return [
        VerifiedFile(
            model=name,
            repository=record.repository if models.is_vouched(name, file) else IMPORTED,
            revision=record.revision if models.is_vouched(name, file) else "",
            path=file.installed_as,
            size=record.size,
            sha256=record.sha256,
            licence=models.catalogue.licence_of(name).name,
            state=_state(models, name, file),
            verified_at=record.verified_at if models.is_vouched(name, file) else None,
            vouched_by=models.digests.voucher(name, file) if models.is_vouched(name, file) else None,
        )
        for name, entry in models.catalogue.models.items()
        for file in entry.files
        if models.is_ready(name, file) and (record := models.record_of(name, file))
    ]


def checksums(models: ModelsFolder) -> str:
    """The same for `sha256sum -c`, run in the models folder."""
    return "".join(f"{file.sha256}  models/{file.model}/{file.path}\n" for file in verified_files(models))


def _file_state(models: ModelsFolder, model: str, file: ModelFile) -> FileState:
    source, record = models.catalogue.model(model).source_of(file), models.record_of(model, file)
    digest, vouched = models.digests.of(model, file), models.is_vouched(model, file)
    imported = record is not None and not vouched
    return FileState(
        name=file.installed_as,
        path=str(models.view(model, file.installed_as)),
        format="safetensors" if file.converted else file.format,
        size=record.size if record else (digest.size if digest else file.size),
        sha256=models.digests.installed(model, file) or (record.sha256 if record else file.sha256),
        state=_state(models, model, file),
        repository=IMPORTED if imported else source.repository,
        revision=None if imported else models.digests.revision(model, source),
        verified_at=record.verified_at if record and vouched else None,
        vouched_by=models.digests.voucher(model, file) if vouched else None,
    )


def _state(models: ModelsFolder, model: str, file: ModelFile) -> State:
    if models.is_ready(model, file):
        return "ready" if models.is_vouched(model, file) else "unverified"
    record = models.record_of(model, file)
    if record and record.state == "quarantined":
        return "quarantined"
    parts = models.parts(model, file.path)
    return "partial" if any(journals.bytes_done(journals.journal_path(part)) for part in parts) else "missing"
