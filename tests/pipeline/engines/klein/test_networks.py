"""`mien engines check klein` loads each network alone and has it compute once."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mien_core.errors import BrokenWeights
from mien_models.store import ModelStore
from mien_pipeline.engines.klein import networks
from mien_pipeline.engines.klein.files import KleinFiles, locate
from mien_pipeline.engines.klein.transformer import load_transformer
from mien_pipeline.face import Portrait
from mien_testing.makers import to_makers, write_fp8


def put_in_place(monkeypatch: pytest.MonkeyPatch, files: KleinFiles) -> None:
    """The store has these files."""

    def found(_store: ModelStore) -> KleinFiles:
        return files

    monkeypatch.setattr(networks, "locate", found)


def test_every_network_computes_and_says_what_it_holds(klein_store: ModelStore, admiral: Portrait) -> None:
    probes = networks.list_probes(klein_store)
    assert [probe.network for probe in probes] == ["text_encoder", "vae", "transformer"]
    for probe in probes:
        tried = probe.run(admiral)
        assert all(np.isfinite(each).all() and each.size for each in tried.outputs), probe.network
        assert tried.held_bytes == pytest.approx(probe.needed_bytes, rel=0.05), probe.network


def test_each_packed_transformer_is_one_of_them(
    klein_store: ModelStore, admiral: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = locate(klein_store)
    theirs = to_makers(load_transformer(files, "float32", torch.float32, 0).state_dict())
    packed = replace(files, packed={"float8": write_fp8(tmp_path / "fp8.safetensors", theirs)})
    put_in_place(monkeypatch, packed)
    found = {probe.network: probe for probe in networks.list_probes(klein_store)}
    assert list(found)[2:] == ["transformer", "transformer (float8)"]
    assert found["transformer (float8)"].models == ("flux-2-klein-4b-fp8", "bfs-head-klein-4b")
    assert np.isfinite(found["transformer (float8)"].run(admiral).outputs[0]).all()


@pytest.mark.parametrize("network", ["vae", "transformer"])
def test_a_value_that_is_no_number_is_named(
    klein_store: ModelStore, admiral: Portrait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    files = locate(klein_store)
    folder = tmp_path / network
    shutil.copytree(files.vae / "vae" if network == "vae" else files.transformer or tmp_path, folder)
    path = folder / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    name = next(name for name, value in state.items() if value.ndim > 1)
    state[name] = torch.full_like(state[name], torch.nan)
    path.unlink()
    save_file(state, path)
    spoilt = replace(files, vae=tmp_path) if network == "vae" else replace(files, transformer=folder)
    put_in_place(monkeypatch, spoilt)
    probe = next(probe for probe in networks.list_probes(klein_store) if probe.network == network)
    with pytest.raises(BrokenWeights) as refused:
        probe.run(admiral)
    assert refused.value.fields["not_finite"] == [name]
