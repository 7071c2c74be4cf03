"""A models folder in which `mesh` and `flux` count as installed: files of published names, tensors and shapes.

No value is in them, so that nothing can be loaded: for a daemon whose worker swaps nothing. Names of files, digests
and licences are the catalogue's, names and shapes of tensors the manifests' of the published files.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mien_models.catalogue.entries import Catalogue, ModelFile, load_catalogue
from mien_models.local.digests import FileDigest, name_voucher
from mien_models.local.records import Installed, InstalledFile
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.measure.holes import write_sparse
from mien_pipeline.engines.registry import needed_models

ENGINES = ("mesh", "flux")
# The published file that a network is read from, by where the catalogue installs it; of shards, by what they share.
MANIFESTS = {
    "flux-1-dev-transformer/transformer/": "flux1-dev.transformer",
    "flux-1-dev-parts/text_encoder/": "flux1.text-encoder",
    "flux-1-dev-parts/text_encoder_2/": "flux1.text-encoder-2",
    "flux-1-dev-parts/vae/": "flux1.vae",
    "pulid-flux/": "pulid-flux",
    "eva-clip/": "eva02-clip-l-336",
    "infiniteyou/InfuseNetModel/": "infiniteyou.infusenet",
    "infiniteyou/image_proj_model": "infiniteyou.image-proj",
    "withanyone/": "withanyone",
    "ir-se50/": "arcface-ir-se50",
    "face-parsing/": "bisenet",
}


def link_engines(models: Path, engines: tuple[str, ...] = ENGINES) -> None:
    """Make a models folder that has these engines; the files are links to those that this process wrote once."""
    if engines and not models.exists():
        shutil.copytree(_written(engines).name, models, copy_function=os.link)


@cache
def _written(engines: tuple[str, ...]) -> "TemporaryDirectory[str]":
    folder = TemporaryDirectory(prefix="mien-engines-")  # gone with this process
    store = ModelStore(Path(folder.name), load_catalogue({}))
    for model in dict.fromkeys(name for engine in engines for name in needed_models(engine)):
        _install(store, model)
    _accept_all(store.root, store.catalogue)
    for path in store.root.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


def _install(store: ModelStore, model: str) -> None:
    entry = store.catalogue.model(model)
    files, shapes = entry.files, dict(_share_tensors(model, entry.files))
    some = FileDigest(sha256="0" * 64, size=1)
    for file in files:
        store.folder.digests.lock(
            model,
            name_voucher(store.catalogue, entry.source_of(file)),
            files={} if file.sha256 else {file.path: some},
            converted={file.installed_as: some} if file.converted else {},
        )
    records = {file.installed_as: _write(store, model, file, shapes.get(file.installed_as)) for file in files}
    store.folder.records.write(model, Installed(version=entry.version, files=records))


def _share_tensors(model: str, files: tuple[ModelFile, ...]) -> Iterator[tuple[str, Shapes]]:
    """The tensors of each file that has some; the shards of a network have a part each."""
    for place, name in MANIFESTS.items():
        paths = [file.installed_as for file in files if f"{model}/{file.installed_as}".startswith(place)]
        paths = [path for path in paths if path.endswith(".safetensors")]
        tensors = list(manifest(name).items()) if paths else []
        for shard, path in enumerate(paths):
            yield path, dict(tensors[shard :: len(paths)])


def _write(store: ModelStore, model: str, file: ModelFile, shapes: Shapes | None) -> InstalledFile:
    """A file and its record, which holds in a link to it as well."""
    path = store.folder.view(model, file.installed_as)
    path.parent.mkdir(parents=True, exist_ok=True)
    if shapes:
        _leave_out_values(write_sparse(path, shapes))
    else:
        path.write_text(f"{model}/{file.installed_as}", encoding="utf-8")
    return InstalledFile(
        sha256=store.folder.digests.installed(model, file) or "",
        size=path.stat().st_size,
        mtime_ns=path.stat().st_mtime_ns,
        verified_at=datetime.now(UTC),
        repository=store.catalogue.model(model).source_of(file).repository,
        revision="",
    )


def _leave_out_values(path: Path) -> None:
    """Keep a safetensors file's header alone: with its hole it would have gigabytes for whoever copies it."""
    with path.open("rb+") as file:
        file.truncate(8 + int.from_bytes(file.read(8), "little"))


def _accept_all(root: Path, catalogue: Catalogue) -> None:
    def accept(sha256: str | None) -> Mapping[str, str]:
        return {"sha256": sha256 or "0" * 64, "accepted_at": datetime.now(UTC).isoformat()}

    words = {name: entry.text for name, entry in catalogue.licences.items()}
    accepted = {name: accept(text.sha256 if text else None) for name, text in words.items()}
    (root / "licences").mkdir()
    (root / "licences" / "accepted.json").write_text(json.dumps({"licences": accepted}), encoding="utf-8")
