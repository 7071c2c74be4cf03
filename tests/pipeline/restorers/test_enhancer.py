"""An enhancer promises: what its network changes is added under the lock, and the rest of the picture is as it was.

The networks are random or drawn here, in the interface of the published files: a picture of 512 in −1..1 under the name
"input", and CodeFormer's second input, one number in double precision. None was run with published weights.
"""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mien_core.errors import ImportRefused, InvalidOptions, ModelNotInstalled
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import transform
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Image
from mien_pipeline.progress import ignore_step
from mien_pipeline.restorers.enhancer import EnhancerRestorer, load
from mien_pipeline.restorers.lock import LOCK
from mien_pipeline.restorers.rows import describe_rows, list_names, open_row, require_known
from mien_pipeline.skin.blend import paste_back
from mien_testing.swapper import Folder, Nodes, Values, write_network

CATALOGUE = load_catalogue({})
ROWS = list(CATALOGUE.enhancers)
PICTURE = (1, 3, 512, 512)


@pytest.fixture(scope="module")
def embedder(models: ModelStore) -> DlibEmbedder:
    return DlibEmbedder(models.read("identity-score"))


def write(folder: Path, name: str, nodes: Nodes, weights: Values) -> Folder:
    """The file of a row: its network in the row's interface."""
    row = CATALOGUE.enhancers[name]
    inputs = {"input": PICTURE, **({"weight": (1,)} if row.weight else {})}
    kinds = {"weight": TensorProto.DOUBLE}
    write_network(folder / row.network.file, inputs, {"output": PICTURE}, nodes, weights, kinds)
    return Folder(folder)


def brighten(folder: Path, name: str, by: float) -> Folder:
    """A network that adds `by` to the range −1..1; CodeFormer's adds the share that its weight leaves."""
    if not CATALOGUE.enhancers[name].weight:
        nodes = [helper.make_node("Add", ["input", "by"], ["output"])]
        return write(folder, name, nodes, {"by": np.array([by], np.float32)})
    nodes = [
        helper.make_node("Sub", ["one", "weight"], ["left"]),
        helper.make_node("Mul", ["left", "by"], ["share"]),
        helper.make_node("Cast", ["share"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["input", "single"], ["output"]),
    ]
    return write(folder, name, nodes, {"one": np.ones(1), "by": np.array([by], np.float64)})


def open_enhancer(weights: Folder, name: str, embedder: DlibEmbedder, fidelity: float = 0.5) -> EnhancerRestorer:
    return load(weights, name, CATALOGUE.enhancers[name], fidelity, embedder)


def middle_of(portrait: Portrait) -> tuple[int, int]:
    x, y = portrait.face.kps[2].astype(int)
    return int(y), int(x)


@pytest.mark.parametrize("name", ROWS)
def test_what_the_network_changes_is_added_by_the_amount(
    tmp_path: Path, astronaut: Portrait, embedder: DlibEmbedder, name: str
) -> None:
    """A twentieth of the range is 6.4 code values; CodeFormer's network does half of it, as its weight says."""
    restorer = open_enhancer(brighten(tmp_path, name, 0.05), name, embedder)
    image, face = astronaut
    heard: list[tuple[int, int]] = []
    patch = restorer.restore(image, face, 1.0, lambda done, total: heard.append((done, total)))
    result = paste_back(image, patch).pixels
    expected = 0.05 * 127.5 * (0.5 if CATALOGUE.enhancers[name].weight else 1)
    y, x = middle_of(astronaut)
    change = result[y - 4 : y + 4, x - 4 : x + 4].astype(float) - image.pixels[y - 4 : y + 4, x - 4 : x + 4]
    assert change.mean() == pytest.approx(expected, abs=0.5)
    corners = transform(face.kps, patch.affine)
    assert corners.min() > 0
    assert heard[0][0] < heard[0][1]
    assert [use.name for use in restorer.models] == [f"{name}/{CATALOGUE.enhancers[name].network.file}"]


def test_codeformers_weight_says_how_far_it_keeps_to_the_picture(
    tmp_path: Path, astronaut: Portrait, embedder: DlibEmbedder
) -> None:
    weights = brighten(tmp_path, "codeformer", 0.05)
    image, face = astronaut
    changed = []
    for fidelity in (0.0, 0.5, 1.0):
        patch = open_enhancer(weights, "codeformer", embedder, fidelity).restore(image, face, 1.0, ignore_step)
        changed.append(float(np.abs(paste_back(image, patch).pixels.astype(int) - image.pixels).mean()))
    assert changed[0] > changed[1] > changed[2] == 0


def test_a_network_that_changes_nothing_leaves_a_large_face_bit_for_bit(
    tmp_path: Path, astronaut: Portrait, embedder: DlibEmbedder
) -> None:
    """The face is three times larger than the network sees it: pasting what it makes would blur it."""
    restorer = open_enhancer(brighten(tmp_path, "gfpgan", 0.0), "gfpgan", embedder)
    image, face = astronaut
    large = Image(np.asarray(cv2.resize(image.pixels, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8))
    bigger = type(face)(face.bbox * 3, face.det_score, face.kps * 3, None if face.mesh is None else face.mesh * 3)
    patch = restorer.restore(large, bigger, 1.0, ignore_step)
    assert np.array_equal(paste_back(large, patch).pixels, large.pixels)


def test_a_network_that_makes_another_person_is_held_back_by_the_lock(
    tmp_path: Path, astronaut: Portrait, embedder: DlibEmbedder
) -> None:
    """It turns the face upside down; of that so little is added that the recogniser finds the same person."""
    nodes = [helper.make_node("Slice", ["input", "from", "to", "axis", "step"], ["output"])]
    upside_down: Values = {
        "from": np.array([511], np.int64),
        "to": np.array([-513], np.int64),
        "axis": np.array([2], np.int64),
        "step": np.array([-1], np.int64),
    }
    restorer = open_enhancer(write(tmp_path, "gfpgan", nodes, upside_down), "gfpgan", embedder)
    image, face = astronaut
    patch = restorer.restore(image, face, 1.0, ignore_step)
    result = paste_back(image, patch)
    kept = embedder.similarity(embedder.embed(image, face), embedder.embed(result, face))
    assert kept >= LOCK
    place = tuple(slice(int(low), int(high)) for low, high in zip(face.bbox[1::-1], face.bbox[:1:-1], strict=True))
    added = np.abs(result.pixels[place] - image.pixels[place].astype(float)).mean()
    assert added < 0.5 * np.abs(image.pixels[place][::-1] - image.pixels[place].astype(float)).mean()


def test_no_amount_and_what_is_far_from_the_face_stay_bit_for_bit(
    tmp_path: Path, astronaut: Portrait, embedder: DlibEmbedder
) -> None:
    restorer = open_enhancer(brighten(tmp_path, "gpen", 0.1), "gpen", embedder)
    image, face = astronaut
    assert not restorer.restore(image, face, 0.0, ignore_step).mask.any()
    result = paste_back(image, restorer.restore(image, face, 0.5, ignore_step)).pixels
    assert np.array_equal(result[-60:], image.pixels[-60:])


def test_a_file_of_another_interface_is_refused(tmp_path: Path, embedder: DlibEmbedder) -> None:
    weights = brighten(tmp_path, "gfpgan", 0.1)
    path = weights.path(CATALOGUE.enhancers["gfpgan"].network.file)
    path.rename(tmp_path / CATALOGUE.enhancers["codeformer"].network.file)
    with pytest.raises(ImportRefused):
        open_enhancer(weights, "codeformer", embedder)


def test_every_restorer_is_listed_with_what_it_lacks_and_its_licence(tmp_path: Path, embedder: DlibEmbedder) -> None:
    store = ModelStore(tmp_path, CATALOGUE)
    told = {each["name"]: each for each in describe_rows(store)}
    assert list(told) == list_names(store) == ["vivid", *ROWS]
    assert (told["vivid"]["state"], told["gfpgan"]["state"]) == ("ready", "needs-models")
    assert told["gfpgan"]["licence"] == "Apache 2.0"
    assert told["codeformer"]["licence"] == "S-Lab License 1.0: no commercial use"
    with pytest.raises(InvalidOptions) as unknown:
        require_known(store, "sharpen")
    assert unknown.value.fields == {"field": "restorer", "known": ["vivid", *ROWS]}
    with pytest.raises(ModelNotInstalled) as missing:
        open_row(store, "gfpgan", 0.5, embedder)
    assert missing.value.fields["model"] == "gfpgan"


def test_the_stand_ins_have_the_published_interface(tmp_path: Path) -> None:
    """FaceFusion 3.8 gives a picture of 512 as "input", and CodeFormer's "weight" as one double."""
    for name in ROWS:
        weights = brighten(tmp_path, name, 0.1)
        graph = onnx.load(str(weights.path(CATALOGUE.enhancers[name].network.file))).graph
        kinds = {each.name: each.type.tensor_type.elem_type for each in graph.input}
        wanted = {"input": TensorProto.FLOAT} | ({"weight": TensorProto.DOUBLE} if name == "codeformer" else {})
        assert kinds == wanted
        assert CATALOGUE.enhancers[name].side == 512
