"""Every engine of ENGINES keeps the same contract: a patch that fits the target, inputs untouched, an end at any step.

`mesh` runs as it is, `flux` on the tiny bundle, `inswapper` on networks of its two shapes with random weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien_core.errors import Cancelled, EngineUnavailable, ImportRefused, LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.flux.engine import FluxEngine
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.onnx.inswapper import RECOGNISER_FILE, SWAPPER_FILE
from mien_pipeline.engines.onnx.options import InswapperOptions
from mien_pipeline.engines.registry import ENGINES, needed_models, parse_options
from mien_pipeline.face import Patch
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.protocols import Engine, Likeness, Weights
from mien_pipeline.skin.blend import paste_back
from mien_testing.portraits import Portrait

OPTIONS: dict[str, SwapOptions] = {
    "mesh": MeshOptions(),
    "inswapper": InswapperOptions(),
    "flux": FluxOptions(side=256, steps=1, strength=1.0, drift_gate=False),
}


@dataclass(frozen=True)
class Folder:
    """Weights that lie in one folder."""

    path_: Path

    def path(self, model: str, file: str | None = None, /) -> Path:
        return self.path_ / (file or model)


def write_network(
    path: Path, inputs: dict[str, Sequence[int]], output: Sequence[int], nodes: list[onnx.NodeProto],
    weights: Mapping[str, NDArray[np.generic]],
) -> None:  # fmt: skip
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))


@pytest.fixture(scope="session")
def swapper_weights(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """inswapper's two networks: the swapper tints the picture by the identity, the recogniser looks at 8 × 8 means."""
    folder, rng = tmp_path_factory.mktemp("inswapper"), np.random.default_rng(0)
    write_network(
        folder / SWAPPER_FILE,
        {"target": (1, 3, 128, 128), "source": (1, 512)},
        (1, 3, 128, 128),
        [
            helper.make_node("MatMul", ["source", "mix"], ["mapped"]),
            helper.make_node("MatMul", ["mapped", "tint"], ["colour"]),
            helper.make_node("Reshape", ["colour", "shape"], ["shift"]),
            helper.make_node("Add", ["target", "shift"], ["output"]),
        ],
        {
            "tint": rng.normal(0, 0.2, (512, 3)).astype(np.float32),
            "shape": np.array([1, 3, 1, 1], np.int64),
            "mix": np.eye(512, dtype=np.float32),  # the last one is the identity map, by its authors' convention
        },
    )
    write_network(
        folder / RECOGNISER_FILE,
        {"input": (1, 3, 112, 112)},
        (1, 512),
        [
            helper.make_node("AveragePool", ["input"], ["means"], kernel_shape=[14, 14], strides=[14, 14]),
            helper.make_node("Flatten", ["means"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["output"]),
        ],
        {"weights": rng.normal(0, 1, (192, 512)).astype(np.float32)},
    )
    return Folder(folder)


@pytest.fixture(params=list(ENGINES), scope="session")
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def loaded(engine_name: str, request: pytest.FixtureRequest) -> Engine:
    source = {"mesh": "models", "inswapper": "swapper_weights", "flux": "tiny_store"}[engine_name]
    weights: Weights = request.getfixturevalue(source)
    found = ENGINES[engine_name].load(weights)
    if isinstance(found, FluxEngine):
        found.stack.text("dev").max_tokens = 32  # 512 would be most of the time
        torch.set_num_threads(1)  # networks this small wait for each other longer than they work
    return found


@pytest.fixture(scope="session")
def likeness(loaded: Engine, admiral: Portrait) -> Likeness:
    return loaded.prepare(*admiral)


def render(likeness: Likeness, engine_name: str, target: Portrait, on_step: OnStep = ignore_step) -> Patch:
    return likeness.render(*target, OPTIONS[engine_name], on_step)


@pytest.fixture(scope="session")
def made(likeness: Likeness, engine_name: str, astronaut: Portrait) -> Patch:
    return render(likeness, engine_name, astronaut)


def test_every_engine_that_can_be_asked_for_exists_and_no_other() -> None:
    assert list(OPTIONS) == list(ENGINES)
    assert [parse_options({"engine": name}).engine for name in ENGINES] == list(ENGINES)


def test_it_goes_by_its_own_name_and_names_its_weights_by_digest(loaded: Engine, engine_name: str) -> None:
    assert loaded.name == engine_name
    assert loaded.models
    assert all(len(bytes.fromhex(model.sha256)) == 32 for model in loaded.models)


def test_what_it_needs_is_in_the_catalogue(engine_name: str) -> None:
    catalogue = load_catalogue({})
    assert all(catalogue.model(name).files for name in needed_models(engine_name))


def test_the_patch_is_a_picture_with_a_mask_of_its_size(made: Patch) -> None:
    assert made.crop.dtype == np.uint8
    assert made.crop.shape == (*made.mask.shape, 3)
    assert made.affine.shape == (2, 3)
    assert made.mask.min() >= 0
    assert made.mask.max() <= 1


def test_the_result_has_the_targets_size_and_another_face(made: Patch, astronaut: Portrait) -> None:
    image, face = astronaut
    result = paste_back(image, made)
    assert result.pixels.shape == image.pixels.shape
    x1, y1, x2, y2 = face.bbox.astype(int)
    changed = (result.pixels != image.pixels).any(axis=2)
    assert changed[y1:y2, x1:x2].mean() > 0.3


def test_what_is_far_from_the_face_stays_bit_for_bit(made: Patch, astronaut: Portrait) -> None:
    image, face = astronaut
    x1, y1, x2, y2 = face.bbox.astype(int)
    reach = x2 - x1
    far = np.ones(image.pixels.shape[:2], bool)
    far[max(0, y1 - reach) : y2 + reach, max(0, x1 - reach) : x2 + reach] = False
    assert far.any()
    assert np.array_equal(paste_back(image, made).pixels[far], image.pixels[far])


def test_inputs_are_left_as_they_were(likeness: Likeness, engine_name: str, astronaut: Portrait) -> None:
    image, face = astronaut
    assert face.mesh is not None
    before = image.pixels.copy(), face.bbox.copy(), face.kps.copy(), face.mesh.copy()
    render(likeness, engine_name, astronaut)
    assert np.array_equal(image.pixels, before[0])
    for kept, now in zip(before[1:], (face.bbox, face.kps, face.mesh), strict=True):
        assert np.array_equal(kept, now)


def test_the_same_swap_twice_is_the_same_picture(
    likeness: Likeness, engine_name: str, astronaut: Portrait, made: Patch
) -> None:
    assert np.array_equal(render(likeness, engine_name, astronaut).crop, made.crop)


def test_another_reference_makes_another_picture(
    loaded: Engine, engine_name: str, astronaut: Portrait, made: Patch
) -> None:
    other = render(loaded.prepare(*astronaut), engine_name, astronaut)
    assert not np.array_equal(other.crop, made.crop)


def test_a_cancel_at_any_step_ends_it_and_the_next_run_is_whole(
    likeness: Likeness, engine_name: str, astronaut: Portrait, made: Patch
) -> None:
    heard: list[tuple[int, int]] = []
    render(likeness, engine_name, astronaut, lambda done, total: heard.append((done, total)))
    assert heard
    assert [done for done, _ in heard] == sorted({done for done, _ in heard})
    assert heard[-1][0] == heard[-1][1]
    for stop, _ in heard:

        def cancel(done: int, total: int, stop: int = stop) -> None:
            if done == stop:
                raise Cancelled("the person stopped it")

        with pytest.raises(Cancelled):
            render(likeness, engine_name, astronaut, cancel)
    assert np.array_equal(render(likeness, engine_name, astronaut).crop, made.crop)


def test_missing_weights_are_refused_by_name(engine_name: str, tmp_path: Path) -> None:
    """Or their licence is, which comes first."""
    with pytest.raises((ModelNotInstalled, LicenceNotAccepted)) as refused:
        ENGINES[engine_name].load(ModelStore(tmp_path, load_catalogue({})))
    assert refused.value.fields["model"] in ENGINES[engine_name].models


def test_missing_libraries_are_refused_by_name(engine_name: str, tmp_path: Path) -> None:
    entry = replace(ENGINES[engine_name], libraries=("sys", "no_such_library"))
    with pytest.raises(EngineUnavailable) as refused:
        entry.load(Folder(tmp_path))
    assert refused.value.fields["libraries"] == ["no_such_library"]


@pytest.mark.parametrize("damaged", [SWAPPER_FILE, RECOGNISER_FILE])
def test_inswapper_refuses_a_file_that_is_no_network(swapper_weights: Folder, tmp_path: Path, damaged: str) -> None:
    for name in (SWAPPER_FILE, RECOGNISER_FILE):
        (tmp_path / name).write_bytes(swapper_weights.path(name).read_bytes())
    (tmp_path / damaged).write_bytes(b"not a network")
    with pytest.raises(ImportRefused) as refused:
        ENGINES["inswapper"].load(Folder(tmp_path))
    assert refused.value.fields["file"] == damaged


def test_inswapper_refuses_its_networks_in_each_others_place(swapper_weights: Folder, tmp_path: Path) -> None:
    (tmp_path / SWAPPER_FILE).write_bytes(swapper_weights.path(RECOGNISER_FILE).read_bytes())
    (tmp_path / RECOGNISER_FILE).write_bytes(swapper_weights.path(SWAPPER_FILE).read_bytes())
    with pytest.raises(ImportRefused):
        ENGINES["inswapper"].load(Folder(tmp_path))
