"""inswapper promises: the aligned crop painted as the reference says, masked by skin; other files are refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mien_core.errors import ImportRefused
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.onnx.inswapper import RECOGNISER_FILE, SWAPPER_FILE, SWAPPER_PX, InswapperEngine, load
from mien_pipeline.engines.onnx.options import InswapperOptions
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces.align import align
from mien_pipeline.onnx_network import PROCESSOR
from mien_pipeline.options import WrongOptions
from mien_pipeline.progress import ignore_step
from mien_testing.card_runtime import CUDA, CardRuntime, Fault
from mien_testing.swapper import Folder


@pytest.fixture(scope="module")
def inswapper(swapper_weights: Folder) -> InswapperEngine:
    return load(swapper_weights)


def test_an_identity_is_a_unit_vector_of_512_numbers(inswapper: InswapperEngine, admiral: Portrait) -> None:
    latent = inswapper.prepare([admiral]).latent
    assert latent.shape == (1, 512)
    assert latent.dtype == np.float32
    assert np.linalg.norm(latent) == pytest.approx(1.0, abs=1e-5)


def test_the_crop_is_what_the_network_makes_of_the_aligned_target(
    inswapper: InswapperEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    """The network of this test shifts every pixel by one colour, which the identity alone decides."""
    image, face = astronaut
    patch = inswapper.prepare([admiral]).render(image, face, InswapperOptions(), ignore_step)
    aligned = align(image.pixels, face.kps, SWAPPER_PX)
    assert np.array_equal(patch.affine, aligned.affine)
    inside = (
        ((aligned.crop > 60) & (aligned.crop < 190)).all(axis=2) & (patch.crop > 0).all(2) & (patch.crop < 255).all(2)
    )
    shift = patch.crop[inside].astype(int) - aligned.crop[inside]
    assert inside.sum() > 1000
    assert np.ptp(shift, axis=0).max() <= 1
    assert np.abs(shift).max() > 0


def test_the_border_of_the_crop_and_what_is_no_skin_stay_the_targets(
    inswapper: InswapperEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    mask = inswapper.prepare([admiral]).render(*astronaut, InswapperOptions(), ignore_step).mask
    assert not mask[[0, -1]].any()
    assert not mask[:, [0, -1]].any()
    assert mask[SWAPPER_PX // 2, SWAPPER_PX // 2] > 0.9


def test_a_face_without_a_mesh_is_masked_by_the_border_alone(
    inswapper: InswapperEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    image, face = astronaut
    bare = Face(face.bbox, face.det_score, face.kps)
    mask = inswapper.prepare([admiral]).render(image, bare, InswapperOptions(), ignore_step).mask
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert mask.mean() == pytest.approx((118 / 128) ** 2, abs=0.01)


def test_another_engines_options_are_refused(
    inswapper: InswapperEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    with pytest.raises(WrongOptions):
        inswapper.prepare([admiral]).render(*astronaut, MeshOptions(), ignore_step)


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


def test_the_identity_of_several_pictures_lies_between_theirs(
    inswapper: InswapperEngine, admiral: Portrait, astronaut: Portrait
) -> None:
    alone = [inswapper.prepare([each]).latent for each in (admiral, astronaut)]
    both = inswapper.prepare([admiral, astronaut]).latent
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
    monkeypatch.setitem(sys.modules, "onnxruntime", CardRuntime(CUDA, fault))
    monkeypatch.delenv("MIEN_DEVICE", raising=False)
    engine = load(swapper_weights)
    patch = engine.prepare([admiral]).render(*astronaut, InswapperOptions(), ignore_step)
    assert patch.warnings == warnings
    assert {each.ran_on for each in engine.models} == {ran_on}
