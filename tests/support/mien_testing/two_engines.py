"""A model store with the starter models and UniFace, in the interface of its published file, with random weights."""

import hashlib
from pathlib import Path

import numpy as np

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_testing.swapper import write_row
from mien_testing.weights import link_models

SECOND = "uniface"


def make_two_engines(folder: Path, starter: ModelStore, licence: str = "mit") -> tuple[ModelStore, Path]:
    """The store, and the catalogue that vouches for its second engine's file."""
    row = load_catalogue({}).swappers[SECOND]
    file = folder / row.network.file
    write_row(file, row, np.random.default_rng(0))
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(
        f"""format = 1
[models.{SECOND}]
title = "a stand-in"
version = "random"
licence = "{licence}"
source = {{ kind = "local", folder = "{folder.as_posix()}" }}
[[models.{SECOND}.files]]
path = "{file.name}"
format = "onnx"
size = {file.stat().st_size}
sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"
""",
        encoding="utf-8",
    )
    link_models(starter.root, folder / "models")
    found = ModelStore(folder / "models", load_catalogue({"MIEN_CATALOGUE": str(catalogue)}))
    found.import_from(file)
    return found, catalogue
