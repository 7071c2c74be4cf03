"""A mask network promises: the face's own pixels in the row's recipe, whatever layout its file has.

The networks are drawn here in the published interfaces. None was run with published weights.
"""

from pathlib import Path

import numpy as np
import onnx
import pytest

from mien_core.errors import ImportRefused
from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import transform
from mien_pipeline.image import Floats
from mien_pipeline.masks.network import MaskReader, soften
from mien_testing.masks import CLASSES, lay_cloth, write_bisenet, write_masks, write_xseg
from mien_testing.swapper import Folder

ROWS = load_catalogue({}).masks
XSEG = ROWS["xseg"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return write_masks(tmp_path_factory.mktemp("masks"))


def at(mask: Floats, affine: Floats, x: float, y: float) -> float:
    """The mask where a pixel of the picture lies."""
    column, row = transform(np.array([[x, y]], np.float32), affine)[0]
    return float(mask[round(float(row)), round(float(column))])


@pytest.mark.parametrize("name", list(ROWS))
def test_what_lies_before_a_face_is_not_its_own(weights: Folder, astronaut: Portrait, name: str) -> None:
    portrait, (rows, columns) = lay_cloth(astronaut)
    mask, affine = MaskReader(weights, ROWS[name]).read(*portrait)
    assert mask.shape == (ROWS[name].side, ROWS[name].side)
    assert mask.dtype == np.float32
    assert at(mask, affine, (columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2) == 0
    assert [at(mask, affine, *point) for point in portrait.face.kps[:2]] == [1, 1]


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_a_file_is_given_its_channels_where_and_in_the_order_it_has_them(
    tmp_path: Path, astronaut: Portrait, channels: str, channels_last: bool
) -> None:
    first = "red" if channels == "rgb" else "blue"
    write_xseg(tmp_path / XSEG.network.file, channels_last=channels_last, first=first)
    portrait, (rows, columns) = lay_cloth(astronaut)
    row = XSEG.model_copy(update={"channels": channels})
    mask, affine = MaskReader(Folder(tmp_path), row).read(*portrait)
    assert at(mask, affine, (columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2) == 0
    assert at(mask, affine, *portrait.face.kps[0]) == 1


def test_an_edge_is_soft_on_the_faces_side_alone() -> None:
    """Half of the width that a blur has lies outside: nothing of that is let in."""
    own = np.zeros((512, 512), np.float32)
    own[:, 256:] = 1
    soft = soften(own)
    assert not soft[:, :256].any()
    assert 0 < soft[200, 258] < soft[200, 264] < 1
    assert soft[200, 300] == 1
    corner = np.ones((512, 512), np.float32)
    corner[:256, :256] = 0
    assert not soften(corner)[:256, :256].any()


def test_a_file_with_fewer_regions_than_its_row_names_is_refused(tmp_path: Path, astronaut: Portrait) -> None:
    """As a network for another set of regions would be."""
    write_xseg(tmp_path / XSEG.network.file)
    row = XSEG.model_copy(update={"classes": ROWS["bisenet"].classes})
    with pytest.raises(ImportRefused):
        MaskReader(Folder(tmp_path), row).read(*astronaut)


def test_the_stand_ins_have_the_published_interface(tmp_path: Path) -> None:
    """VisoMaster's bindings of its two files."""
    published = {
        "bisenet": ({"input": [1, 3, 512, 512]}, {"output": [1, CLASSES, 512, 512]}),
        "xseg": ({"in_face:0": [1, 3, 256, 256]}, {"out_mask:0": [1, 1, 256, 256]}),
    }
    write_bisenet(tmp_path / "bisenet")
    write_xseg(tmp_path / "xseg")
    for name, ends in published.items():
        graph = onnx.load(str(tmp_path / name)).graph
        found = [
            {each.name: [axis.dim_value for axis in each.type.tensor_type.shape.dim] for each in values}
            for values in (graph.input, graph.output)
        ]
        assert tuple(found) == ends
        assert ROWS[name].side == ends[0][graph.input[0].name][-1]
