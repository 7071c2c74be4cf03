"""A model store with the tiny bundle of FLUX.2 [klein] and the starter models."""

from pathlib import Path

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.klein.tiny.bundle import BUNDLE, make_tiny
from mien_testing.weights import link_models


def make_klein_store(folder: Path, starter: ModelStore) -> tuple[ModelStore, Path]:
    """The store, with the bundle installed as the real one is, and the catalogue that has it."""
    catalogue = make_tiny(folder / "tiny")
    link_models(starter.root, folder / "models")
    found = ModelStore(folder / "models", load_catalogue({"MIEN_CATALOGUE": str(catalogue)}))
    found.pull([BUNDLE])
    return found, catalogue
