"""Files of the bundle are written in the layouts that loaders read."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from mien_pipeline.engines.diffusion.tiny.write import Write, json_file, pickle_file, safetensors_file, sharded_folder
from mien_pipeline.engines.diffusion.weights import shapes_in

STATE = {f"layer.{number}.weight": torch.full((2, number + 1), float(number)) for number in range(5)}


def write_all(files: dict[str, Write], root: Path) -> None:
    for name, write in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(root / name)


def test_every_tensor_is_in_the_shard_that_the_index_names(tmp_path: Path) -> None:
    write_all(sharded_folder("net", {"width": 4}, STATE, 2), tmp_path)
    index = json.loads((tmp_path / "net" / "diffusion_pytorch_model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == STATE.keys()
    for name, file in index["weight_map"].items():
        assert torch.equal(load_file(tmp_path / "net" / file)[name], STATE[name])
    assert index["metadata"]["total_size"] == 4 * 2 * (1 + 2 + 3 + 4 + 5)
    assert len(set(index["weight_map"].values())) == 2
    assert json.loads((tmp_path / "net" / "config.json").read_text()) == {"width": 4}
    assert shapes_in(tmp_path / "net") == {name: tuple(value.shape) for name, value in STATE.items()}


def test_one_tensor_under_two_names_is_written_twice(tmp_path: Path) -> None:
    """EVA's rotary table is shared; safetensors refuses shared memory."""
    shared = torch.ones(3)
    safetensors_file({"a": shared, "b": shared})(tmp_path / "x.safetensors")
    assert load_file(tmp_path / "x.safetensors").keys() == {"a", "b"}


def test_a_pickle_is_read_back_as_weights_alone(tmp_path: Path) -> None:
    pickle_file({"inner": {"w": torch.ones(2)}})(tmp_path / "x.pth")
    assert torch.equal(torch.load(tmp_path / "x.pth", weights_only=True)["inner"]["w"], torch.ones(2))


def test_json_keeps_letters_that_are_not_latin(tmp_path: Path) -> None:
    json_file({"▁": 1})(tmp_path / "vocab.json")
    assert json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8")) == {"▁": 1}
