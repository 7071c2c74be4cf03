"""`mien engines check` loads every network of an engine alone, and says in a sentence which file is wrong, and how."""

import json
import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mien_cli.main import main
from mien_core.errors import ModelNotInstalled
from mien_models.catalogue.entries import LocalSource
from mien_models.store import ModelStore
from mien_pipeline.check_engine import BAD, Finding, check_engine, take_portrait, try_probe
from mien_pipeline.engines.probe import Probe, Tried
from mien_pipeline.engines.registry import ENGINES
from mien_testing.broken_weights import (
    copy_stores,
    count_one,
    cut_short,
    edit,
    rename_one,
    replace_file,
    reshape_one,
    spoil_one,
    without_digests,
)
from mien_testing.swapper import RECOGNISER_FILE, SWAPPER_FILE

# What is broken, and what is said of the networks that read it. Each of these models is broken in one way.
T5 = "text_encoder_2/model-00002-of-00002.safetensors"
BROKEN: dict[tuple[str, str], tuple[Any, dict[str, str]]] = {
    ("pulid-flux", "pulid_flux_v0.9.1.safetensors"): (
        edit(rename_one),
        {"id_former": "lacks proj_out, which says the network's size"},
    ),
    ("infiniteyou", "image_proj_model.safetensors"): (edit(reshape_one), {"resampler": "of another shape"}),
    ("withanyone", "withanyone.safetensors"): (cut_short, {"faceid": "cannot be read as a safetensors file"}),
    ("flux-1-dev-parts", "vae/diffusion_pytorch_model.safetensors"): (
        edit(spoil_one),
        {"vae": "values that are no numbers stand in encoder."},
    ),
    ("ir-se50", "recognition_arcface_ir_se50.safetensors"): (edit(count_one), {"ir_se50": "(I32)"}),
    ("flux-1-dev-parts", T5): (edit(rename_one), {"text_encoder_2": "not expected: "}),
    ("flux-1-dev-transformer", "transformer/config.json"): (
        lambda path: path.write_text("{"),  # pyright: ignore[reportUnknownLambdaType]
        {"transformer": "transformer/config.json cannot be read"},
    ),
    ("antelopev2", "glintr100.onnx"): (lambda path: path.write_bytes(b"<html>"), {"arcface": "cannot be read"}),  # pyright: ignore[reportUnknownLambdaType]
}
SWAPPED = ("eva-clip", "EVA02_CLIP_L_336_psz14_s6B.safetensors"), ("face-parsing", "parsing_bisenet.safetensors")


def by_network(found: list[Finding]) -> dict[str, Finding]:
    return {each.name: each for each in found if each.kind == "network"}


@pytest.fixture(scope="module")
def broken(tiny_store: ModelStore, models: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """The tiny bundle with files that were broken before they were installed, and two in each other's place."""
    names = {model for model, _ in BROKEN} | {model for model, _ in SWAPPED}
    catalogue = without_digests(tiny_store.catalogue, names)
    store = copy_stores((models, tiny_store), tmp_path_factory.mktemp("broken") / "store", catalogue)
    for (model, path), (write, _) in BROKEN.items():
        replace_file(store, model, path, write)
    contents = [(store.folder.view(model, path)).read_bytes() for model, path in SWAPPED]
    for (model, path), content in zip(SWAPPED, reversed(contents), strict=True):
        replace_file(store, model, path, partial(Path.write_bytes, data=content))
    return store


def test_every_way_in_which_a_file_can_be_wrong_is_told_of_the_network_that_reads_it(broken: ModelStore) -> None:
    """A name, a shape, a number format, a value, a length, a whole other file, no network at all."""
    found = check_engine(ENGINES["flux"], broken)
    networks = by_network(found)
    wanted = {name: said for _, says in BROKEN.values() for name, said in says.items()}
    wanted |= {"eva": "lacks patch_embed.proj.weight", "parsing": "lacks cp.resnet.layer1.0.conv1.weight"}
    assert {name for name, each in networks.items() if each.state == "wrong"} == set(wanted)
    for name, said in wanted.items():
        assert said in networks[name].said
        assert networks[name].said.startswith(f"{networks[name].models[0]}: ")
    rest = [each for name, each in networks.items() if name not in wanted]
    assert {each.state for each in rest} == {"good"}
    assert {each.name for each in rest if each.held_bytes} >= {"text_encoder", "control_net", "pulid_attentions"}
    files = {each.name: each.state for each in found if each.kind == "file"}
    assert files["pulid-flux/pulid_flux_v0.9.1.safetensors"] == "unverified"
    assert files["face-mesh/face_landmark.tflite"] == "good"


def run(store: ModelStore, engine: str, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    status = main(["engines", "check", engine, "--models-dir", str(store.root), *flags])
    return status, capsys.readouterr().out


def test_whole_files_are_all_good_and_a_changed_one_is_set_aside_and_named(
    models: ModelStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = copy_stores([models], tmp_path / "store", models.catalogue)
    assert run(store, "mesh", capsys)[0] == 0
    path = store.path("iris")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + b"?")
    status, said = run(store, "mesh", capsys)
    assert status == 1
    assert "its digest differs" in " ".join(said.split())
    assert "`mien models pull iris` gets it again" in " ".join(said.split())
    status, document = run(store, "mesh", capsys, "--json")
    bad = [each for each in json.loads(document)["findings"] if each["state"] in BAD]
    assert status == 1
    assert [(each["kind"], each["name"], each["state"]) for each in bad] == [
        ("file", "iris/iris_landmark.tflite", "wrong"),
        ("network", "iris", "missing"),
    ]


@pytest.mark.parametrize("spoilt", [False, True])
def test_inswappers_networks_are_tried_alone_and_together(
    swapper_weights: Any, models: ModelStore, tmp_path: Path, spoilt: bool
) -> None:
    """A generator whose weights are no numbers is named; the recogniser beside it is good."""
    folder = tmp_path / "files"
    shutil.copytree(swapper_weights.path_, folder)
    if spoilt:
        network = onnx.load(str(folder / SWAPPER_FILE))
        network.graph.initializer[0].raw_data = np.full(3 * 3 * 3 * 3, np.nan, np.float32).tobytes()
        onnx.save(network, str(folder / SWAPPER_FILE))
    entry = models.catalogue.model("inswapper")
    source = LocalSource(kind="local", folder=folder)
    files = tuple(
        entry.files[0].model_copy(
            update={"path": name, "at": None, "source": None, "converted": None, "size": None, "sha256": None}
        )
        for name in (SWAPPER_FILE, RECOGNISER_FILE)
    )
    changed = entry.model_copy(update={"source": source, "files": files, "licence": "apache-2"})
    catalogue = models.catalogue.model_copy(update={"models": {**models.catalogue.models, "inswapper": changed}})
    store = copy_stores([models], tmp_path / "store", catalogue)
    store.pull(["inswapper"])
    networks = by_network(check_engine(ENGINES["inswapper"], store))
    states = {name: networks[name].state for name in ("recogniser", "generator")}
    assert states == {"recogniser": "good", "generator": "wrong" if spoilt else "good"}
    assert ("no numbers" in networks["generator"].said) == spoilt


def test_an_engine_without_any_of_its_models_is_refused_with_the_command_that_gets_them(models: ModelStore) -> None:
    with pytest.raises(ModelNotInstalled) as refused:
        check_engine(ENGINES["flux"], models)
    assert str(refused.value.fields["command"]).startswith("mien models pull flux-")


def test_a_network_that_this_machine_has_no_room_for_is_left_out_with_both_sizes(models: ModelStore) -> None:
    probe = Probe("transformer", ("iris",), lambda _portrait: Tried([]), needed_bytes=1 << 60)
    found = try_probe(probe, models, take_portrait(models))
    assert found.state == "not-run"
    assert "1073741824.0 GiB" in found.said


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_has_its_networks_tried(name: str) -> None:
    assert find_spec(ENGINES[name].networks)
