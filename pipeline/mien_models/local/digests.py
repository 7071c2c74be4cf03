"""Which digest a file must have: the catalogue's, or the one it had when it was first fetched.

`models.lock` in the models folder holds what the catalogue does not know. It is written after the first
verified pull, and from then on a source that offers something else is refused.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from mien_core.errors import InvalidCatalogue
from mien_core.files import make_folder, write_whole
from mien_core.locks import exclusively
from mien_models.catalogue.entries import AnySource, Catalogue, ModelFile


class FileDigest(BaseModel, frozen=True):
    """What one file is."""

    sha256: str
    size: int


class LockedModel(BaseModel, frozen=True):
    """`files` as their source serves them, `converted` as they are kept; the commit of each repository without one."""

    revisions: dict[str, str] = {}
    files: dict[str, FileDigest] = {}
    converted: dict[str, FileDigest] = {}


class LockFile(BaseModel, frozen=True):
    format: int = 1
    models: dict[str, LockedModel] = {}


class LockedDigests:
    """The catalogue's digests with the lock's beneath them."""

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.path = root / "models.lock"
        self._guard = root / "locks" / ".models-lock"

    def locked(self, model: str) -> LockedModel:
        return self._read().models.get(model, LockedModel())

    def of(self, model: str, file: ModelFile) -> FileDigest | None:
        """What the source must serve; None while it is unknown."""
        if file.sha256 and file.size:
            return FileDigest(sha256=file.sha256, size=file.size)
        return self.locked(model).files.get(file.path)

    def installed(self, model: str, file: ModelFile) -> str | None:
        """The digest of the file as it is kept: of what a pickle was converted into, or else the source's."""
        if file.converted:
            digest = self.locked(model).converted.get(file.converted)
            return digest.sha256 if digest else None
        if file.sha256:
            return file.sha256
        digest = self.locked(model).files.get(file.path)
        return digest.sha256 if digest else None

    def revision(self, model: str, source: AnySource) -> str | None:
        return source.revision or self.locked(model).revisions.get(source.repository)

    def lock(
        self,
        model: str,
        *,
        revisions: Mapping[str, str] = {},
        files: Mapping[str, FileDigest] = {},
        converted: Mapping[str, FileDigest] = {},
    ) -> None:
        """Hold what has just been verified. What is held already stays as it is, but for conversions made anew."""
        if not (revisions or files or converted):
            return
        with exclusively(self._guard):
            whole = self._read()
            before = whole.models.get(model, LockedModel())
            now = LockedModel(
                revisions={**revisions, **before.revisions},
                files={**files, **before.files},
                converted={**before.converted, **converted},
            )
            if now != before:
                merged = LockFile(models={**whole.models, model: now})
                make_folder(self.path.parent)
                write_whole(self.path, merged.model_dump_json(indent=1).encode())

    def _read(self) -> LockFile:
        try:
            return LockFile.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return LockFile()
        except ValidationError as error:
            raise InvalidCatalogue(
                f"{self.path.name} is damaged: {error.errors()[0]['msg']}", file=str(self.path)
            ) from None
