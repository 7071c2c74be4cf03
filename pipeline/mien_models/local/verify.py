"""Hashing what is installed, again, at the disk's speed; interrupted runs go on where they stopped."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from mien_core.files import make_folder, write_whole
from mien_models.local.folder import ModelsFolder
from mien_models.local.records import State
from mien_models.progress import OnPull, Reporter


class Verified(BaseModel, frozen=True):
    """What became of one file; one that changed has been moved to quarantine.

    `ok` is true of a file that is what the catalogue or its source says; an unverified one is only unchanged.
    """

    model: str
    file: str
    sha256: str
    ok: bool
    state: State


class _Run(BaseModel, frozen=True):
    """An unfinished verification."""

    names: tuple[str, ...]
    done: tuple[Verified, ...] = ()


def verify(models: ModelsFolder, names: Sequence[str], on_progress: OnPull) -> list[Verified]:
    """Hash every installed file of these models. What differs goes to quarantine and counts as missing.

    What is derived from them is hashed too, and removed where it changed: it is made again when it is needed.
    Progress is kept after each file, so that a run that was stopped, asked for again with the same names,
    does not hash those again.
    """
    path = models.root / "verify.json"
    run = _unfinished(path, tuple(names))
    for name in names:
        run = _verify_model(models, name, run, path, on_progress)
    models.derived.verify(names)
    path.unlink(missing_ok=True)
    return list(run.done)


def _verify_model(models: ModelsFolder, name: str, run: _Run, path: Path, on_progress: OnPull) -> _Run:
    """The run with this model's files done."""
    done = {(one.model, one.file) for one in run.done}
    installed = [
        (file, record)
        for file in models.catalogue.model(name).files
        if (record := models.record_of(name, file))
        and record.state == "ready"
        and (name, file.installed_as) not in done
    ]
    report = Reporter(name, sum(record.size for _, record in installed), on_progress, "verifying")
    for file, record in installed:
        with models.lock(name, report.tick):
            state = models.verify_file(name, file, record, report.more_bytes)
        report.finish_source(record.size)
        one = Verified(model=name, file=file.installed_as, sha256=record.sha256, ok=state == "ready", state=state)
        run = _Run(names=run.names, done=(*run.done, one))
        make_folder(path.parent)
        write_whole(path, run.model_dump_json().encode())
    if installed:
        report.stage("done")
    return run


def _unfinished(path: Path, names: tuple[str, ...]) -> _Run:
    """Where the last run of these names stopped, or a new one."""
    try:
        run = _Run.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return _Run(names=names)
    return run if run.names == names else _Run(names=names)
