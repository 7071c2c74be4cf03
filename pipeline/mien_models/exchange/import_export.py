"""Models on a stick: exported to a folder, imported from one, and linked from other programs' folders.

An exported folder holds `MODEL/PATH` for each file, `mien-models.json` saying which they are, the licences'
texts, and `SHA256SUMS` for a check without Mien.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from mien_core.errors import BrokenWeights, DiskFull, ImportRefused, ModelNotInstalled
from mien_core.files import make_folder, move_into_place, naming_disk_errors, write_whole
from mien_models.catalogue.entries import ModelFile
from mien_models.exchange.export_places import check_places
from mien_models.exchange.manifest import MANIFEST, ExportedModel, Manifest
from mien_models.exchange.other_caches import files_of_size
from mien_models.local.blobs import sha256_of
from mien_models.local.digests import FileDigest
from mien_models.local.disk import check_disk
from mien_models.local.folder import ModelsFolder
from mien_models.local.formats import check_format
from mien_models.progress import OnPull, Reporter

_CHUNK = 1 << 20
_LARGEST_MANIFEST = 4 << 20


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────


def export_models(
    models: ModelsFolder, names: Sequence[str], folder: Path, on_progress: OnPull, *, replace: bool = False
) -> Manifest:
    """Copy installed models to `folder`, next to what an earlier export put there.

    Args:
        models: where they are installed.
        names: which ones.
        folder: made if it is not there.
        on_progress: told of every copied part.
        replace: whether files that no export wrote may be replaced.

    Raises:
        ModelNotInstalled: one of them is not there to be copied.
        OutputIsInput: `folder` leads into the models folder itself.
        OutputExists: a file is there that no export wrote; `file` says which, and nothing was copied.
        DiskFull: `folder` has no room.
    """
    for name in names:
        missing = [f.installed_as for f in models.catalogue.model(name).files if not models.is_ready(name, f)]
        if missing:
            raise ModelNotInstalled(
                f"{name} is not installed", model=name, files=missing, command=f"mien models pull {name}"
            )
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _read_manifest(folder) if (folder / MANIFEST).exists() else Manifest()
    exported = {(name, path) for name, one in manifest.models.items() for path in one.files}
    check_places(models, names, folder, exported, replace=replace)
    with naming_disk_errors(folder):
        for name in names:
            manifest = Manifest(models={**manifest.models, name: _export(models, name, folder, on_progress)})
            write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())
        lines = [
            f"{digest.sha256}  {name}/{path}\n"
            for name, one in manifest.models.items()
            for path, digest in one.files.items()
        ]
        write_whole(folder / "SHA256SUMS", "".join(lines).encode())
    return manifest


def _export(models: ModelsFolder, name: str, folder: Path, on_progress: OnPull) -> ExportedModel:
    entry, files = models.catalogue.model(name), dict[str, FileDigest]()
    records = {f.installed_as: models.record_of(name, f) for f in entry.files}
    total = sum(record.size for record in records.values() if record)
    if shutil.disk_usage(folder).free < total:
        raise DiskFull(f"{total / 1e9:.1f} GB must be free", folder=str(folder), needed_bytes=total)
    report = Reporter(name, total, on_progress, "installing")
    for path, record in records.items():
        if record is None:
            continue
        target = folder / name / path
        make_folder(target.parent)
        beside = target.with_name(f".{target.name}.new")
        try:
            sha256 = _copy(models.view(name, path), beside, report)
            if sha256 != record.sha256:
                raise BrokenWeights(f"{path} changed on the disk; run mien models verify {name}", model=name, file=path)
            move_into_place(beside, target)
        finally:
            beside.unlink(missing_ok=True)  # of a disk that became full, or of a copy that was interrupted
        files[path] = FileDigest(sha256=sha256, size=record.size)
        report.finish_source(record.size)
    if (text := models.licences.find_text(entry.licence)) is not None:
        make_folder(folder / "licences")
        write_whole(folder / "licences" / f"{entry.licence}.txt", text)
    report.stage("done")
    return ExportedModel(version=entry.version, files=files)


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────


def import_models(models: ModelsFolder, path: Path, on_progress: OnPull) -> list[str]:
    """Install what an exported folder, any folder of weight files, or a single file holds; the models installed.

    Files are copied, hashed on the way, and known by their digest alone: what they are called does not matter. A file
    of an exported folder whose digest neither the catalogue nor a source has said is `unverified` afterwards.

    Raises:
        ImportRefused: `reason` is "symlink", "traversal", "wrong-bytes", "unknown-model", "damaged",
            "not-a-folder" or "nothing-recognised"; `path` says which file. Nothing of that model is installed.
    """
    if path.is_symlink() or not path.exists():
        raise ImportRefused(f"{path} is not a folder", reason="not-a-folder", path=str(path))
    with naming_disk_errors(models.root):
        if (path / MANIFEST).is_file():
            return _import_exported(models, path, on_progress)
        return _import_recognised(models, path, on_progress)


def _import_exported(models: ModelsFolder, folder: Path, on_progress: OnPull) -> list[str]:
    manifest = _read_manifest(folder)
    for name, exported in manifest.models.items():
        if name not in models.catalogue.models:
            raise ImportRefused(f"the catalogue has no model called {name!r}", reason="unknown-model", path=name)
        _import_model(models, folder, name, exported, on_progress)
    return list(manifest.models)


def _import_model(models: ModelsFolder, folder: Path, name: str, exported: ExportedModel, on_progress: OnPull) -> None:
    entry = models.catalogue.model(name)
    total = sum(digest.size for digest in exported.files.values())
    check_disk(models.root, total)
    report = Reporter(name, total, on_progress, "verifying")
    with models.lock(name, report.tick), models.workspace() as work:
        checked: list[tuple[Path, str]] = []
        for number, file in enumerate(entry.files):
            claimed = exported.files.get(file.installed_as)
            wanted = models.digests.installed(name, file) or (claimed.sha256 if claimed else None)
            if claimed is None or wanted is None:
                raise ImportRefused(f"{name} lacks {file.installed_as}", reason="damaged", path=file.installed_as)
            copy = work / str(number)
            sha256 = _copy(_plain(folder, f"{name}/{file.installed_as}"), copy, report)
            if sha256 != wanted:
                raise ImportRefused(
                    f"{name}/{file.installed_as} is not the file it should be",
                    reason="wrong-bytes",
                    path=f"{name}/{file.installed_as}",
                    expected=wanted,
                    found=sha256,
                )
            check_format(copy, "safetensors" if file.converted else file.format, file.installed_as)
            report.finish_source(claimed.size)
            checked.append((copy, sha256))
        for copy, sha256 in checked:
            models.blobs.adopt(copy, sha256)
        _take_over_licence(models, folder, entry.licence)
        models.install(name, {path: digest.sha256 for path, digest in exported.files.items()})
    report.stage("done")


def _take_over_licence(models: ModelsFolder, folder: Path, licence: str) -> None:
    wanted = models.catalogue.licences[licence].text
    path = folder / "licences" / f"{licence}.txt"
    if wanted is None or models.licences.has_text(licence) or not path.is_file():
        return
    plain = _plain(folder, f"licences/{licence}.txt")
    check_format(plain, "text", path.name)
    text = plain.read_bytes()
    if wanted.sha256 in {None, hashlib.sha256(text).hexdigest()}:
        models.licences.keep_text(licence, text)


def _import_recognised(models: ModelsFolder, path: Path, on_progress: OnPull) -> list[str]:
    """Take every file whose digest is one of the catalogue's, then install the models that are complete."""
    known = _known_files(models)
    sizes = {digest.size for _, _, digest in known}
    taken, wrong = set[str](), list[str]()
    for found in _plain_files(path):
        if found.stat().st_size in sizes:
            report = Reporter(found.name, found.stat().st_size, on_progress, "verifying")
            check_disk(models.root, found.stat().st_size)
            with models.workspace() as work:
                sha256 = _copy(found, work / "copy", report)
                owners = [(name, file) for name, file, digest in known if digest.sha256 == sha256]
                here = work / "copy"
                if any(not file.converted for _, file in owners):
                    models.blobs.adopt(here, sha256)
                    here = models.blobs.path(sha256)
                for name, file in owners:
                    models.take_in(name, file, here, sha256, stays=True, tick=report.tick)
                if owners:
                    taken.update(name for name, _ in owners)
                    continue
        if found.name in {Path(file.path).name for _, file, _ in known}:
            wrong.append(str(found))
    if wrong and not taken:
        raise ImportRefused(f"{wrong[0]} is not the file it is called after", reason="wrong-bytes", path=wrong[0])
    if not taken:
        raise ImportRefused(f"no file in {path} is one of the catalogue's", reason="nothing-recognised", path=str(path))
    return _install_complete(models, sorted(taken))


# ── linked ───────────────────────────────────────────────────────────────────────────────────────────────────


def adopt_models(models: ModelsFolder, folder: Path, on_progress: OnPull) -> list[str]:
    """Link what another program's folder holds of the catalogue, once hashed; the models that are complete now.

    For huggingface_hub's cache and the models folders of ComfyUI and A1111: links inside are followed, names
    do not matter, and nothing of theirs is changed. Where the two folders are on different disks the file
    is copied.
    """
    known = _known_files(models)
    taken = set[str]()
    with naming_disk_errors(models.root):
        for path in files_of_size(folder, [digest.size for _, _, digest in known]):
            size = path.stat().st_size
            report = Reporter(path.name, size, on_progress, "verifying")
            sha256 = sha256_of(path, report.more_bytes)
            for name, file, digest in known:
                if digest.sha256 == sha256:
                    models.take_in(name, file, path, sha256, stays=True, tick=report.tick)
                    taken.add(name)
    return _install_complete(models, sorted(taken))


# ── shared ───────────────────────────────────────────────────────────────────────────────────────────────────


def _known_files(models: ModelsFolder) -> list[tuple[str, ModelFile, FileDigest]]:
    """Files that can be recognised by digest."""
    return [
        (name, file, digest)
        for name, entry in models.catalogue.models.items()
        for file in entry.files
        if (digest := models.digests.of(name, file))
    ]


def _install_complete(models: ModelsFolder, names: Sequence[str]) -> list[str]:
    complete: list[str] = []
    for name in names:
        digests = [models.digests.installed(name, file) for file in models.catalogue.model(name).files]
        if all(sha256 and sha256 in models.blobs for sha256 in digests):
            with models.lock(name):
                models.install(name)
            complete.append(name)
    return complete


def _read_manifest(folder: Path) -> Manifest:
    path = _plain(folder, MANIFEST)
    if path.stat().st_size > _LARGEST_MANIFEST:
        raise ImportRefused(f"{MANIFEST} is too large", reason="damaged", path=MANIFEST)
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        outside = "folder" in first["msg"] or "platform" in first["msg"]
        raise ImportRefused(
            f"{MANIFEST}: {first['msg']}", reason="traversal" if outside else "damaged", path=MANIFEST
        ) from None


def _plain_files(path: Path) -> Iterator[Path]:
    """Every file at or below `path`; a link anywhere ends the import."""
    if path.is_file():
        yield path
        return
    for parent, folders, names in os.walk(path):
        for name in [*folders, *names]:
            if (Path(parent) / name).is_symlink():
                raise _linked(f"{parent}/{name}")
        for name in sorted(names):
            if (found := Path(parent) / name).is_file():
                yield found


def _plain(folder: Path, path: str) -> Path:
    """A file below `folder`, reached through no link."""
    found = folder / path
    if found.resolve() != folder.resolve() / path:
        raise _linked(path)
    if not found.is_file():
        raise ImportRefused(f"{path} is not there", reason="damaged", path=path)
    return found


def _linked(path: str) -> ImportRefused:
    return ImportRefused(f"{path} is a link to somewhere else", reason="symlink", path=path)


def _copy(source: Path, target: Path, report: Reporter) -> str:
    """Copy while hashing: the digest is of the bytes that were written, even if the source changes meanwhile."""
    digest = hashlib.sha256()
    descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as reading, target.open("wb") as writing:
        if not stat.S_ISREG(os.fstat(reading.fileno()).st_mode):
            raise ImportRefused(f"{source} is no ordinary file", reason="symlink", path=str(source))
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
            report.more_bytes(len(chunk))
    return digest.hexdigest()
