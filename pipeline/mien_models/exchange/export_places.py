"""Where an export may write: never into the store itself, and over nothing that no export wrote."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from mien_core.errors import OutputExists, OutputIsInput
from mien_models.local.blobs import sha256_of
from mien_models.local.folder import ModelsFolder


def check_places(
    models: ModelsFolder, names: Sequence[str], folder: Path, exported: Collection[tuple[str, str]], *, replace: bool
) -> None:
    """Refuse an export before the first byte is copied. An export that was cut short continues.

    Args:
        models: where the models are installed.
        names: which of them are exported.
        folder: where to.
        exported: model and path of each file that earlier exports wrote there.
        replace: whether files that no export wrote may be replaced.

    Raises:
        OutputIsInput: `folder` leads into the models folder itself.
        OutputExists: `file` is there already, and no export wrote it.
    """
    store = models.root.resolve()
    for name in names:
        for file in models.catalogue.model(name).files:
            target = folder / name / file.installed_as
            if target.parent.resolve().is_relative_to(store):
                raise OutputIsInput(f"{folder} leads into the models folder", file=str(folder))
            if replace or (name, file.installed_as) in exported or not os.path.lexists(target):
                continue
            record = models.record_of(name, file)
            if not target.is_file() or record is None or sha256_of(target) != record.sha256:
                raise OutputExists(f"{target} is there already, and no export wrote it", file=str(target))
