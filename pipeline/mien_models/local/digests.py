"""Which digest a file must have: the catalogue's, or the one that its source gave when it was first fetched.

`models.lock` in the models folder holds what the catalogue does not know. It is written after a verified pull alone,
and from then on a source that offers something else is refused. Each entry says which source vouched for it. An
entry counts while that source is the one that the catalogue names, and while its check value fits: an entry that was
edited by hand, and those of older versions, vouch for nothing, and the source is asked again.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from mien_core.errors import InvalidCatalogue
from mien_core.files import make_folder, write_whole
from mien_core.locks import exclusively
from mien_models.catalogue.entries import (
    AnySource,
    Catalogue,
    HuggingFaceSource,
    LocalSource,
    ModelFile,
    UrlSource,
)

CATALOGUE = "catalogue"
"""Who vouches for a file whose digest the catalogue has."""


class FileDigest(BaseModel, frozen=True):
    """What one file is."""

    sha256: str
    size: int


class LockedFile(FileDigest, frozen=True):
    """What one file is, as `by` said; the check value makes an edited entry void."""

    by: str = ""
    check: str = ""


class LockedCommit(BaseModel, frozen=True):
    """The commit that a repository without one was at when it was first asked."""

    commit: str
    by: str = ""
    check: str = ""


class LockedModel(BaseModel, frozen=True):
    """`files` as their source serves them, `converted` as they are kept; the commit of each repository without one."""

    commits: dict[str, LockedCommit] = {}
    files: dict[str, LockedFile] = {}
    converted: dict[str, LockedFile] = {}


class LockFile(BaseModel, frozen=True):
    format: int = 2
    models: dict[str, LockedModel] = {}


Entry = TypeVar("Entry", LockedFile, LockedCommit)


class LockedDigests:
    """The catalogue's digests with the lock's beneath them."""

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.path = root / "models.lock"
        self._guard = root / "locks" / ".models-lock"

    def locked(self, model: str) -> LockedModel:
        """The entries of a model as they were locked; edited ones are left out."""
        found = self._read().models.get(model, LockedModel())
        return LockedModel(
            commits={name: each for name, each in found.commits.items() if each == _lock_commit(model, name, each)},
            files={path: each for path, each in found.files.items() if each == _lock_file(model, path, each)},
            converted={path: each for path, each in found.converted.items() if each == _lock_file(model, path, each)},
        )

    def of(self, model: str, file: ModelFile) -> FileDigest | None:
        """What the source must serve; None while no source has said it."""
        if file.sha256 and file.size:
            return FileDigest(sha256=file.sha256, size=file.size)
        return self._find(model, file, self.locked(model).files.get(file.path))

    def installed(self, model: str, file: ModelFile) -> str | None:
        """The digest of the file as it is kept, if it is vouched for: of the converted pickle, or the source's."""
        if file.sha256 and not file.converted:
            return file.sha256
        locked = self.locked(model)
        held = locked.converted.get(file.converted) if file.converted else locked.files.get(file.path)
        digest = self._find(model, file, held)
        return digest.sha256 if digest else None

    def voucher(self, model: str, file: ModelFile) -> str:
        """Who says which digest the file must have."""
        return CATALOGUE if file.sha256 else name_voucher(self._catalogue, self._catalogue.model(model).source_of(file))

    def revision(self, model: str, source: AnySource) -> str | None:
        if source.revision:
            return source.revision
        held = self.locked(model).commits.get(source.repository)
        return held.commit if held and held.by == name_voucher(self._catalogue, source) else None

    def lock(
        self,
        model: str,
        by: str,
        *,
        commits: Mapping[str, str] = {},
        files: Mapping[str, FileDigest] = {},
        converted: Mapping[str, FileDigest] = {},
    ) -> None:
        """Hold what `by` has just said; see `name_voucher`.

        What the same source said before stays as it is, but for conversions made anew.
        """
        if not (commits or files or converted):
            return
        new = LockedModel(
            commits={
                name: _lock_commit(model, name, LockedCommit(commit=each, by=by)) for name, each in commits.items()
            },
            files={path: _lock_file(model, path, _by(each, by)) for path, each in files.items()},
            converted={path: _lock_file(model, path, _by(each, by)) for path, each in converted.items()},
        )
        with exclusively(self._guard):
            before = self.locked(model)
            now = LockedModel(
                commits={**before.commits, **new.commits, **_keep(before.commits, by)},
                files={**before.files, **new.files, **_keep(before.files, by)},
                converted={**before.converted, **new.converted},
            )
            whole = self._read()
            if now != whole.models.get(model):
                merged = LockFile(models={**whole.models, model: now})
                make_folder(self.path.parent)
                write_whole(self.path, merged.model_dump_json(indent=1).encode())

    def _find(self, model: str, file: ModelFile, held: LockedFile | None) -> FileDigest | None:
        """What is held, if the source that said it is the file's source today."""
        source = self._catalogue.model(model).source_of(file)
        if held is None or held.by != name_voucher(self._catalogue, source):
            return None
        return FileDigest(sha256=held.sha256, size=held.size)

    def _read(self) -> LockFile:
        try:
            return LockFile.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return LockFile()
        except ValidationError as error:
            raise InvalidCatalogue(
                f"{self.path.name} is damaged: {error.errors()[0]['msg']}", file=str(self.path)
            ) from None


def name_voucher(catalogue: Catalogue, source: AnySource) -> str:
    """Who a source is: the host that is asked, a mirror of the person's own catalogue by its host, or a folder."""
    if isinstance(source, HuggingFaceSource):
        mirrored = catalogue.mirror("hf:")
        return "huggingface.co" if mirrored == "hf:" else f"mirror {urlsplit(mirrored).hostname}"
    if isinstance(source, UrlSource):
        return urlsplit(catalogue.mirror(source.bases[0])).hostname or ""
    return "folder" if isinstance(source, LocalSource) else source.repository


def _by(digest: FileDigest, by: str) -> LockedFile:
    return LockedFile(sha256=digest.sha256, size=digest.size, by=by)


def _lock_file(model: str, path: str, said: LockedFile) -> LockedFile:
    """What was said of a file, with its check value."""
    return said.model_copy(update={"check": _check(model, path, said.sha256, str(said.size), said.by)})


def _lock_commit(model: str, repository: str, said: LockedCommit) -> LockedCommit:
    return said.model_copy(update={"check": _check(model, repository, said.commit, said.by)})


def _keep(before: Mapping[str, Entry], by: str) -> dict[str, Entry]:
    """What the same source said before."""
    return {name: each for name, each in before.items() if each.by == by}


def _check(*parts: str) -> str:
    """Makes an edit by hand void. It is no seal: what writes to the models folder as the person does can forge it."""
    return hashlib.sha256("\0".join(("mien models.lock 2", *parts)).encode()).hexdigest()[:16]
