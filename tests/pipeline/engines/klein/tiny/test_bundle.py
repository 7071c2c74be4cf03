"""The tiny bundle has every published file under its published name, and networks of the published depth."""

from pathlib import Path
from typing import Any

import torch

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.diffusion.weights import shapes_in, shapes_of
from mien_pipeline.engines.klein.components import NETWORKS
from mien_pipeline.engines.klein.files import find_files
from mien_pipeline.engines.klein.plan import read_shapes
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.tiny.bundle import BUNDLE


def test_every_published_file_is_there(klein_store: ModelStore) -> None:
    published = load_catalogue({})
    for name in published.bundles[BUNDLE]:
        wanted = [(file.path, file.format) for file in published.model(name).files]
        assert [(file.path, file.format) for file in klein_store.catalogue.model(name).files] == wanted


def test_its_tensors_have_the_published_names(klein_store: ModelStore) -> None:
    files = find_files(klein_store)
    for name, (_, published) in NETWORKS.items():
        assert set(read_shapes(name, files)) == set(manifest(published))
    assert set(shapes_of(files.lora)) == set(manifest("bfs-head-klein-4b"))


def test_statistics_and_norms_are_not_those_of_birth(stack: Stack) -> None:
    """Or a fault in normalising would stay unseen."""
    assert float(stack.vae.bn.running_mean.abs().min()) > 0
    assert float((stack.vae.bn.running_var - 1).abs().max()) > 0.3
    network: Any = stack.transformer(0.0)
    norms = [value for name, value in network.named_parameters() if "norm_q" in name or "norm_k" in name]
    assert norms
    assert all(not torch.equal(value, torch.ones_like(value)) for value in norms)


def test_one_seed_makes_one_bundle(tmp_path: Path) -> None:
    from mien_pipeline.engines.klein.tiny.bundle import make_tiny

    first, second = (make_tiny(tmp_path / name) for name in ("one", "two"))
    assert first.read_text().replace("/one/", "/two/") == second.read_text()
    assert shapes_in(tmp_path / "one" / "flux-2-klein-4b-vae" / "vae")
