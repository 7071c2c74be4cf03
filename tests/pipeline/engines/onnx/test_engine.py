"""A row's engine promises: the aligned crop painted as the reference says, masked by skin; other files are refused."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from mien_core.errors import ImportRefused, InvalidOptions
from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.onnx.engine import OnnxEngine, OnnxLikeness
from mien_pipeline.engines.onnx.files import RowFiles
from mien_pipeline.engines.onnx.recipe import find_recipe
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.face import Face, Portrait
from mien_pipeline.onnx_network import PROCESSOR, OnnxNetwork
from mien_pipeline.options import WrongOptions
from mien_pipeline.progress import ignore_step
from mien_testing.card_runtime import CUDA, CardRuntime, Fault
from mien_testing.swapper import RECOGNISER_FILE, SWAPPER_FILE, Folder, open_batch, write_network

OPTIONS = parse_options({"engine": "inswapper"})
SIDE = 128


def load(name: str, weights: Folder) -> OnnxEngine:
    loaded = ENGINES[name].load(weights)
    assert isinstance(loaded, OnnxEngine)
    return loaded


@pytest.fixture(scope="module")
def inswapper(swapper_weights: Folder) -> OnnxEngine:
    return load("inswapper", swapper_weights)


def test_an_identity_is_a_unit_vector_of_512_numbers(inswapper: OnnxEngine, admiral: Portrait) -> None:
    source = inswapper.prepare([admiral]).source
    assert source.shape == (1, 512)
    assert source.dtype == np.float32
    assert np.linalg.norm(source) == pytest.approx(1.0, abs=1e-5)


def test_the_border_of_the_crop_and_what_is_no_skin_stay_the_targets(
    inswapper: OnnxEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    mask = inswapper.prepare([admiral]).render(*astronaut, OPTIONS, ignore_step).mask
    assert not mask[[0, -1]].any()
    assert not mask[:, [0, -1]].any()
    assert mask[SIDE // 2, SIDE // 2] > 0.9


def test_a_face_without_a_mesh_is_masked_by_the_border_alone(
    inswapper: OnnxEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    image, face = astronaut
    bare = Face(face.bbox, face.det_score, face.kps)
    mask = inswapper.prepare([admiral]).render(image, bare, OPTIONS, ignore_step).mask
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert mask.mean() == pytest.approx((118 / 128) ** 2, abs=0.01)


def test_another_engines_options_are_refused(inswapper: OnnxEngine, admiral: Portrait, astronaut: Portrait) -> None:
    with pytest.raises(WrongOptions):
        inswapper.prepare([admiral]).render(*astronaut, MeshOptions(), ignore_step)


@pytest.mark.parametrize("damaged", [SWAPPER_FILE, RECOGNISER_FILE])
def test_a_row_refuses_a_file_that_is_no_network(swapper_weights: Folder, tmp_path: Path, damaged: str) -> None:
    for name in (SWAPPER_FILE, RECOGNISER_FILE):
        (tmp_path / name).write_bytes(swapper_weights.path(name).read_bytes())
    (tmp_path / damaged).write_bytes(b"not a network")
    with pytest.raises(ImportRefused) as refused:
        ENGINES["inswapper"].load(Folder(tmp_path))
    assert refused.value.fields["file"] == damaged


def test_a_row_refuses_its_networks_in_each_others_place(swapper_weights: Folder, tmp_path: Path) -> None:
    (tmp_path / SWAPPER_FILE).write_bytes(swapper_weights.path(RECOGNISER_FILE).read_bytes())
    (tmp_path / RECOGNISER_FILE).write_bytes(swapper_weights.path(SWAPPER_FILE).read_bytes())
    with pytest.raises(ImportRefused):
        ENGINES["inswapper"].load(Folder(tmp_path))


def test_the_identity_of_several_pictures_lies_between_theirs(
    inswapper: OnnxEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    alone = [inswapper.prepare([each]).source for each in (admiral, astronaut)]
    both = inswapper.prepare([admiral, astronaut]).source
    assert np.linalg.norm(both) == pytest.approx(1.0, abs=1e-5)
    assert min(float((both @ each.T).item()) for each in alone) > float((alone[0] @ alone[1].T).item())


@pytest.mark.parametrize(
    ("fault", "ran_on", "warnings"),
    [(None, CUDA, ()), ("run-raises", PROCESSOR, ("processor-instead",))],
)
def test_the_report_says_what_ran_the_networks_and_warns_of_a_failure(
    swapper_weights: Folder,
    admiral: Portrait,
    astronaut: Portrait,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault | None,
    ran_on: str,
    warnings: tuple[str, ...],
) -> None:
    recipe = find_recipe(load_catalogue({}), "inswapper")
    monkeypatch.setitem(sys.modules, "onnxruntime", CardRuntime(CUDA, fault))
    monkeypatch.delenv("MIEN_DEVICE", raising=False)
    engine = OnnxEngine(recipe, RowFiles(swapper_weights, recipe))
    patch = engine.prepare([admiral]).render(*astronaut, OPTIONS, ignore_step)
    assert patch.warnings == warnings
    assert {each.ran_on for each in engine.models} == {ran_on}


def test_a_map_of_another_shape_is_no_identity_map(swapper_weights: Folder, tmp_path: Path) -> None:
    for name in (SWAPPER_FILE, RECOGNISER_FILE):
        (tmp_path / name).write_bytes(swapper_weights.path(name).read_bytes())
    network = onnx.load(str(tmp_path / SWAPPER_FILE))
    network.graph.initializer.append(onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "last"))
    onnx.save(network, str(tmp_path / SWAPPER_FILE))
    with pytest.raises(ImportRefused, match="identity map"):
        ENGINES["inswapper"].load(Folder(tmp_path))


def test_the_weight_moves_a_vector_towards_the_target_below_the_middle_and_away_above(
    swapper_weights: Folder, admiral: Portrait, astronaut: Portrait
) -> None:
    """The target's vector goes the same way as the reference's: the target in the target's place changes nothing."""
    engine = load("ghost-1", swapper_weights)
    plain, own = engine.prepare([admiral]), engine.prepare([astronaut])

    def tint(likeness: OnnxLikeness, weight: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        options = parse_options({"engine": "ghost-1", "identity_weight": weight})
        return likeness.render(*astronaut, options, ignore_step).crop.astype(float)

    targets = tint(own, 0.5)
    towards = [np.abs(tint(plain, weight) - targets).mean() for weight in (0.0, 0.5, 1.0)]
    assert towards[0] < towards[1] < towards[2]
    assert np.abs(tint(own, 0.0) - targets).max() <= 1


@pytest.mark.parametrize("name", ["uniface", "blendswap"])
def test_a_picture_has_no_weight(name: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        parse_options({"engine": name, "identity_weight": 0.4})
    assert refused.value.fields["field"] == "identity_weight"


@pytest.mark.parametrize(("boost", "runs"), [(128, 1), (256, 5), (384, 10)])
def test_a_boosted_crop_has_the_side_asked_for_and_tells_of_every_run(
    inswapper: OnnxEngine, admiral: Portrait, astronaut: Portrait, boost: int, runs: int
) -> None:
    heard: list[tuple[int, int]] = []
    options = parse_options({"engine": "inswapper", "boost": boost})
    likeness = inswapper.prepare([admiral])
    patch = likeness.render(*astronaut, options, lambda done, total: heard.append((done, total)))
    assert patch.crop.shape == (boost, boost, 3)
    assert patch.mask.shape == (boost, boost)
    assert heard == [(run, runs) for run in range(1, runs + 1)]


@pytest.mark.parametrize("boost", [0, 64, 200, 1152, "256"])
def test_a_side_that_the_row_does_not_have_is_refused(boost: object) -> None:
    with pytest.raises(InvalidOptions) as refused:
        parse_options({"engine": "inswapper", "boost": boost})
    assert refused.value.fields["field"] == "boost"


def test_the_options_of_another_row_are_refused(inswapper: OnnxEngine, admiral: Portrait, astronaut: Portrait) -> None:
    with pytest.raises(WrongOptions):
        inswapper.prepare([admiral]).render(*astronaut, parse_options({"engine": "ghost-1"}), ignore_step)


@pytest.mark.parametrize(("kind", "dtype"), [(TensorProto.FLOAT16, np.float16), (TensorProto.DOUBLE, np.float64)])
def test_a_network_in_another_precision_is_given_its_own_type(tmp_path: Path, kind: int, dtype: type[Any]) -> None:
    write_network(
        tmp_path / "add.onnx",
        {"input": (1, 4)},
        {"output": (1, 4)},
        [onnx.helper.make_node("Add", ["input", "one"], ["output"])],
        {"one": np.ones(4, dtype)},
        {"input": kind, "output": kind},
    )
    (made,) = OnnxNetwork(tmp_path / "add.onnx", environ={}).run(None, {"input": np.full((1, 4), 0.5, np.float32)})
    assert made.dtype == np.float32
    assert made.tolist() == [[1.5] * 4]


def test_a_network_whose_number_of_crops_is_open_gets_many_at_once_and_makes_the_same(
    swapper_weights: Folder, tmp_path: Path, admiral: Portrait, astronaut: Portrait
) -> None:
    for name in (SWAPPER_FILE, RECOGNISER_FILE):
        (tmp_path / name).write_bytes(swapper_weights.path(name).read_bytes())
    open_batch(tmp_path / SWAPPER_FILE)
    options = parse_options({"engine": "inswapper", "boost": 512})
    heard: list[int] = []
    one, many = (load("inswapper", weights).prepare([admiral]) for weights in (swapper_weights, Folder(tmp_path)))
    alone = one.render(*astronaut, options, ignore_step).crop
    together = many.render(*astronaut, options, lambda done, _total: heard.append(done)).crop
    assert (one.files.takes_batches, many.files.takes_batches) == (False, True)
    assert heard == [16, 17]
    assert np.abs(alone.astype(int) - together.astype(int)).max() <= 1
