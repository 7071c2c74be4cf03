"""The engines' environment on a stick: its wheels and its lock file, fetched here and installed elsewhere."""

import json
import shutil
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ValidationError

from mien_core.errors import ImportRefused
from mien_core.files import make_folder, naming_disk_errors, write_whole
from mien_models.environments.environment import EngineEnvironment
from mien_models.local.disk import check_disk
from mien_models.progress import OnPull, ignore_pull
from mien_models.remote.network import Network

MANIFEST = "mien-engines.json"


class _Manifest(BaseModel, frozen=True):
    format: int
    version: str
    lock_sha256: str


def export_wheels(
    environment: EngineEnvironment, folder: Path, *, network: Network | None, on_progress: OnPull = ignore_pull
) -> list[str]:
    """Write the wheels for a machine like this one to `folder`; their names. Raises as `EngineEnvironment.fetch`."""
    wheels = environment.fetch(network, on_progress)
    make_folder(folder)
    check_disk(folder, sum(wheel.size for wheel in wheels))
    with naming_disk_errors(folder):
        for wheel in wheels:
            shutil.copyfile(environment.wheels.path(wheel), folder / wheel.filename)
        found = {"format": 1, "version": metadata.version("mien"), "lock_sha256": environment.lock.sha256}
        write_whole(folder / MANIFEST, json.dumps(found, indent=1).encode())  # last: without it the set is not whole
    return [wheel.filename for wheel in wheels]


def import_wheels(environment: EngineEnvironment, folder: Path) -> list[str]:
    """Take the wheels of an exported folder, each checked; `install` then needs no network. Their names.

    Raises:
        ImportRefused: it is no such folder, of another lock file, or a wheel is missing; `reason` says which.
        ChecksumMismatch: a wheel is not the locked one.
    """
    try:
        manifest = _Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise ImportRefused(f"{folder} holds no exported engines", reason="not-exported", folder=str(folder)) from error
    if manifest.lock_sha256 != environment.lock.sha256:
        raise ImportRefused(
            f"{folder} was exported by Mien {manifest.version}, whose engines are made of other packages",
            reason="other-lock",
            folder=str(folder),
        )
    wheels = environment.locked_wheels()
    if absent := [wheel.filename for wheel in wheels if not _plain(folder, wheel.filename)]:
        raise ImportRefused(f"{folder} lacks {absent[0]}", reason="missing", files=absent)
    make_folder(environment.wheels.folder)
    check_disk(environment.wheels.folder, sum(wheel.size for wheel in wheels))
    for wheel in environment.wheels.missing(wheels):
        environment.wheels.take(wheel, folder / wheel.filename)
    return [wheel.filename for wheel in wheels]


def _plain(folder: Path, name: str) -> bool:
    path = folder / name
    return path.is_file() and not path.is_symlink()
