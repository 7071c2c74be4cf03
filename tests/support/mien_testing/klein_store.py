"""A model store with the tiny bundle of FLUX.2 [klein] and the starter models."""

import os
import shutil
from pathlib import Path

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.klein.tiny.bundle import BUNDLE, make_tiny


def make_klein_store(folder: Path, starter: ModelStore) -> tuple[ModelStore, Path]:
    """The store, with the bundle installed as the real one is, and the catalogue that has it."""
    catalogue = make_tiny(folder / "tiny")
    shutil.copytree(starter.root, folder / "models", copy_function=os.link)
    found = ModelStore(folder / "models", load_catalogue({"MIEN_CATALOGUE": str(catalogue)}))
    found.pull([BUNDLE])
    return found, catalogue
