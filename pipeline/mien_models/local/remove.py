"""Uninstalling a model, so that nothing of it stays on the disk."""

import os
import shutil
from pathlib import Path

from mien_core.files import remove_file
from mien_models.local import journal as journals
from mien_models.local.folder import ModelsFolder
from mien_models.local.workspace import clear_workspaces


def remove_model(models: ModelsFolder, model: str) -> None:
    """Remove everything that is there of a model. The caller has its lock.

    Files that another model shares stay, and so does what a person put beside them. What was derived from it goes, as
    far as the system lets it. The record goes last: until then a removal that was interrupted can be repeated.
    """
    entry, installed = models.catalogue.model(model), models.records.read(model)
    models.derived.discard_of(model)
    for part in models.parts(model):
        journals.discard(part)
    clear_workspaces(models.root)
    for path in {*(file.installed_as for file in entry.files), *(installed.files if installed else ())}:
        view = models.view(model, path)
        remove_file(view)
        for unfinished in view.parent.glob(f".{view.name}.*.new"):
            remove_file(unfinished)
    _remove_empty(models.view(model))
    known = {models.digests.installed(model, file) for file in entry.files}
    known |= {record.sha256 for record in installed.files.values()} if installed else set()
    for sha256 in sorted(known - {None} - _find_used(models, model), key=str):
        models.blobs.discard(str(sha256))
        for aside in (models.root / "quarantine").glob(f"{sha256}-*"):  # where older versions put them
            remove_file(aside)
    shutil.rmtree(models.quarantine(model), ignore_errors=True)
    models.records.remove(model)


def _find_used(models: ModelsFolder, model: str) -> set[str | None]:
    """The digests of what other models have installed, or are about to install."""
    used: set[str | None] = {
        record.sha256 for name, one in models.records.all() if name != model for record in one.files.values()
    }
    coming = [name for name in models.catalogue.models if name != model and models.parts(name)]
    return used | {
        models.digests.installed(name, file) for name in coming for file in models.catalogue.model(name).files
    }


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those below it as far as they are empty."""
    for parent, _, _ in os.walk(folder, topdown=False):
        try:
            Path(parent).rmdir()
        except OSError:
            continue
