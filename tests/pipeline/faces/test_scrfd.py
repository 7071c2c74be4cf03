"""SCRFD promises: its published layout is read as its authors read it, and nothing else is taken for it."""

import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from mien_core.errors import BrokenWeights
from mien_models.store import ModelStore
from mien_pipeline.faces.scrfd import OVERLAP, SCORE, SIDE_PX, Scrfd, decode, suppress
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.onnx_network import PROCESSOR
from mien_testing.card_runtime import CUDA, CardRuntime

# Names and shapes of scrfd_10g_bnkps.onnx (det_10g.onnx), sha256 5838f7fe…, as ONNX Runtime tells them.
PUBLISHED_INPUT = ("input.1", [1, 3, "?", "?"])
PUBLISHED_OUTPUTS = [
    ("448", [12800, 1]), ("471", [3200, 1]), ("494", [800, 1]),
    ("451", [12800, 4]), ("474", [3200, 4]), ("497", [800, 4]),
    ("454", [12800, 10]), ("477", [3200, 10]), ("500", [800, 10]),
]  # fmt: skip


@pytest.fixture(scope="module")
def weights(tiny_store: ModelStore) -> Path:
    """The stand-in for the detector of antelopev2: random numbers in its published layout."""
    return tiny_store.path("antelopev2", "scrfd_10g_bnkps.onnx")


@pytest.fixture(scope="module")
def scrfd(weights: Path) -> Scrfd:
    return Scrfd(weights)


def blocks(height: int, width: int, seed: int) -> Pixels:
    """Blocks of colour, two of them so red that the stand-in calls them faces."""
    drawn = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    drawn[2, 3], drawn[4, 1] = (255, 0, 0), (250, 5, 5)
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def test_the_stand_in_has_the_names_and_shapes_of_the_published_file(weights: Path) -> None:
    session = onnxruntime.InferenceSession(str(weights), providers=[PROCESSOR])
    assert [(each.name, each.shape) for each in session.get_inputs()] == [PUBLISHED_INPUT]
    assert [(each.name, each.shape) for each in session.get_outputs()] == PUBLISHED_OUTPUTS


@pytest.mark.parametrize(("height", "width"), [(640, 640), (517, 300), (300, 517), (90, 100)])
def test_the_finds_are_those_of_insightfaces_own_class(weights: Path, scrfd: Scrfd, height: int, width: int) -> None:
    """Points to two thousandths of the picture: its authors round one side and scale both by it."""
    from insightface.model_zoo.scrfd import SCRFD

    theirs = SCRFD(str(weights))
    theirs.prepare(-1, input_size=(SIDE_PX, SIDE_PX))
    pixels = blocks(height, width, seed=height)
    boxes, kps = theirs.detect(np.ascontiguousarray(pixels[..., ::-1]))
    ours = scrfd.find(pixels, SIDE_PX)
    assert len(ours) == len(boxes) > 10
    assert [each.det_score for each in ours] == pytest.approx(boxes[:, 4].tolist(), abs=1e-6)
    assert np.abs(np.stack([each.kps for each in ours]) - np.asarray(kps)).max() < 2e-3 * max(height, width)
    sides = (boxes[:, 2:4] - boxes[:, :2]).max(1)
    assert np.abs(np.array([each.side for each in ours]) - sides).max() < 2e-3 * max(height, width)


def layout(side: int) -> list[Floats]:
    """Nine outputs without a find."""
    return [np.zeros(((side // stride) ** 2 * 2, width), np.float32) for width in (1, 4, 10) for stride in (8, 16, 32)]


@pytest.mark.parametrize(("level", "stride"), [(0, 8), (1, 16), (2, 32)])
def test_an_anchor_stands_on_its_cell_and_reaches_out_in_strides(level: int, stride: int) -> None:
    """The second anchor of the cell in the third row and second column, written out."""
    outputs, cells = layout(320), 320 // stride
    place = 2 * (2 * cells + 1) + 1
    outputs[level][place] = SCORE
    outputs[level + 3][place] = (1, 2, 3, 4)
    outputs[level + 6][place] = (0, 0, 1, 0, 0.5, 1, 0, 2, 1, 2)
    scores, boxes, kps = decode(outputs, 320)
    x, y = 1 * stride, 2 * stride
    assert scores.tolist() == [SCORE]
    assert boxes.tolist() == [[x - stride, y - 2 * stride, x + 3 * stride, y + 4 * stride]]
    assert (kps[0] - [x, y]).tolist() == [
        [0, 0], [stride, 0], [stride / 2, stride], [0, 2 * stride], [stride, 2 * stride]
    ]  # fmt: skip


def test_outputs_with_a_batch_of_one_are_read_as_those_without() -> None:
    """Smaller members of the family are exported so."""
    outputs = layout(64)
    outputs[0][3] = 0.9
    one, other = decode(outputs, 64), decode([each[None] for each in outputs], 64)
    assert all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))
    assert len(one[0]) == 1


def test_of_finds_that_overlap_the_surest_stays() -> None:
    boxes = np.array([[0, 0, 9, 9], [1, 0, 10, 9], [30, 30, 39, 39], [0, 6, 9, 15]], np.float32)
    scores = np.array([0.6, 0.9, 0.55, 0.5], np.float32)
    assert suppress(boxes, scores) == [1, 2, 3]
    assert OVERLAP < 9 / 11, "what the first two share"


def test_a_picture_whose_every_value_is_grey_has_no_face(scrfd: Scrfd) -> None:
    assert scrfd.find(np.full((200, 300, 3), 128, np.uint8), SIDE_PX) == []


@pytest.mark.parametrize("content", ["text", "recogniser"])
def test_a_file_that_is_no_detector_is_refused_by_name(tiny_store: ModelStore, tmp_path: Path, content: str) -> None:
    broken = tmp_path / "det_10g.onnx"
    other = tiny_store.path("antelopev2", "glintr100.onnx").read_bytes()
    broken.write_bytes(other if content == "recogniser" else b"not a network")
    with pytest.raises(BrokenWeights, match=r"det_10g\.onnx") as refused:
        Scrfd(broken)
    assert refused.value.fields["file"] == "det_10g.onnx"


def test_a_card_that_fails_leaves_the_work_to_the_processor(
    weights: Path, scrfd: Scrfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", CardRuntime(CUDA, "run-raises"))
    monkeypatch.delenv("MIEN_DEVICE", raising=False)
    failing = Scrfd(weights)
    assert failing.network.provider == CUDA
    pixels = blocks(300, 300, seed=1)
    found = failing.find(pixels, SIDE_PX)
    assert (failing.network.provider, failing.network.failed) == (PROCESSOR, CUDA)
    assert len(found) == len(scrfd.find(pixels, SIDE_PX)) > 0
