"""What an engine's weights need of the model store: where they lie, and one refusal that names all that is missing."""

from collections.abc import Sequence
from pathlib import Path

from mien_core.errors import LicenceNotAccepted, ModelNotInstalled, UnknownModel
from mien_models.store import ModelStore


def is_available(store: ModelStore, model: str) -> bool:
    """True when the model is installed and its terms are accepted."""
    try:
        store.path(model)
    except (ModelNotInstalled, LicenceNotAccepted, UnknownModel):
        return False
    return True


def place_of(store: ModelStore, model: str, file: str | None = None) -> Path:
    """As `ModelStore.path`, of what is not installed too."""
    files = store.catalogue.model(model).files
    return store.folder.view(model, file or (files[0].installed_as if len(files) == 1 else ""))


def require_installed(store: ModelStore, models: Sequence[str]) -> None:
    """Check that every model is installed.

    Raises:
        ModelNotInstalled: `models` and `files` name all that is missing, `command` installs it.
    """
    missing: dict[str, list[str]] = {}
    for model in models:
        try:
            store.path(model)
        except ModelNotInstalled as error:
            missing[model] = [f"{model}/{file}" for file in _file_names(error.fields.get("files"))]
    if missing:
        raise ModelNotInstalled(
            f"not installed: {', '.join(missing)}",
            model=next(iter(missing)),
            models=list(missing),
            files=[file for files in missing.values() for file in files],
            command=f"mien models pull {' '.join(missing)}",
        )


def _file_names(files: object) -> list[str]:
    return [str(file) for file in files] if isinstance(files, list | tuple) else []
