"""Files at published size are holes that real files' readers read; where there are no holes, room is asked for."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien_core.errors import DiskFull
from mien_pipeline.engines.diffusion.foreign import foreign_to
from mien_pipeline.engines.diffusion.measure import holes
from mien_pipeline.engines.diffusion.measure.holes import has_holes, require_room
from mien_pipeline.engines.diffusion.measure.random_values import fill_random
from mien_pipeline.engines.diffusion.parsing import BiSeNet
from mien_pipeline.engines.diffusion.weights import load
from mien_pipeline.engines.flux.components import published_shapes
from mien_pipeline.engines.flux.measure.files import published_layout, write_layout
from mien_pipeline.plan.placement import GIB


def test_the_layout_has_every_tensor_of_the_published_files() -> None:
    layout, published = published_layout(), published_shapes()
    assert layout.bytes > 60 * GIB
    for name in published.keys() & layout.shapes.keys() - {"text_encoder_2"}:
        assert dict(layout.shapes[name]) == dict(published[name])


def test_one_block_of_each_kind_is_as_wide_as_published() -> None:
    layout = published_layout(whole=False)
    names = set(layout.shapes["transformer"])
    assert names < set(published_layout().shapes["transformer"])
    assert {name.split(".")[1] for name in names if "transformer_blocks." in name} == {"0"}
    assert layout.configs["transformer"]["num_layers"] == layout.configs["control_net"]["num_single_layers"] == 1
    assert {name.split(".")[1] for name in layout.shapes["pulid"] if name.startswith("pulid_ca.")} == {"0", "1"}
    assert "gguf-q4" not in layout.shapes


def test_files_of_tens_of_gib_take_no_room_and_one_is_read_and_filled(tmp_path: Path) -> None:
    """Every value of a network that was filled is a number, its own and none that the file holds."""
    assert has_holes(tmp_path)
    found = write_layout(tmp_path / "files", published_layout())
    taken = sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*") if path.is_file())
    assert taken < 4 << 20
    network = load(BiSeNet.from_shapes, found.parsing, ignored=foreign_to("parsing"), form="bfloat16")
    weight = network.get_parameter("ffm.convblk.conv.weight")
    assert not weight.any()
    fill_random(network)
    assert weight.std().item() == pytest.approx(256**-0.5, rel=0.05)
    assert network.get_parameter("cp.resnet.bn1.weight").mean().item() == pytest.approx(1, abs=0.01)


def test_without_holes_and_without_room_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holes, "has_holes", lambda _folder: False)  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=20 * GIB))  # pyright: ignore[reportUnknownLambdaType]
    require_room(tmp_path, 14 * GIB)
    with pytest.raises(DiskFull) as refused:
        write_layout(tmp_path / "files", published_layout())
    assert refused.value.fields["free_bytes"] == 20 * GIB
    assert not any((tmp_path / "files").iterdir())
