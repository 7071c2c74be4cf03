"""The node for ComfyUI keeps to ComfyUI's contract, and swaps a batch by a real daemon."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from mien_api.client import DaemonClient
from mien_core.errors import BadRequest, ConsentRequired, UnknownReference
from mien_daemon import keys
from mien_testing.daemon import find_one_face, png

pytestmark = pytest.mark.slow

NODE = Path(__file__).parents[2] / "installers/comfyui"
# `IO` of comfy/comfy_types/node_typing.py, those that an input or an output here has.
TYPES = {"IMAGE", "STRING", "BOOLEAN"}


class Interrupted(Exception):
    """ComfyUI's `InterruptProcessingException`."""


class ComfyUI:
    """What a node finds of ComfyUI, by its published names: a bar, an interruption, an output folder."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.bar: list[tuple[int, int]] = []
        self.is_interrupted = False

    def ProgressBar(self, total: int) -> "ComfyUI":  # noqa: N802 comfy.utils.ProgressBar
        return self

    def update_absolute(self, value: int, total: int) -> None:
        self.bar.append((value, total))

    def throw_exception_if_processing_interrupted(self) -> None:
        if self.is_interrupted:
            raise Interrupted

    def get_output_directory(self) -> str:
        return str(self.output)

    def modules(self) -> dict[str, Any]:
        comfy = ModuleType("comfy")
        parts = {"comfy.utils": self, "comfy.model_management": self}
        vars(comfy).update(utils=self, model_management=self)
        return {"comfy": comfy, "folder_paths": self, **parts}


@pytest.fixture
def comfy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComfyUI:
    made = ComfyUI(tmp_path / "output")
    for name, module in made.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


@pytest.fixture
def package(comfy: ComfyUI, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The folder as ComfyUI's `load_custom_node` imports it: by its path, under a name of its own."""
    spec = importlib.util.spec_from_file_location("custom_nodes_mien", NODE / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "custom_nodes_mien", module)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("custom_nodes_mien.swap_node")


@pytest.fixture
def node(package: Any, daemon: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An instance, which finds the test's daemon."""
    client = DaemonClient(daemon.port, "mien_token-of-the-test")
    monkeypatch.setattr(DaemonClient, "running", lambda: client)
    return package.NODE_CLASS_MAPPINGS["MienSwapFace"]()


def batch(pictures: int) -> torch.Tensor:
    """(B, 8, 12, 3) in [0, 1], as ComfyUI hands pictures from node to node; each value is one of a byte."""
    values = torch.randint(0, 256, (pictures, 8, 12, 3), generator=torch.Generator().manual_seed(1))
    return values.to(torch.float32) / 255


def test_it_is_a_node_as_comfyui_publishes_it(package: Any) -> None:
    for name, kind in package.NODE_CLASS_MAPPINGS.items():
        assert package.NODE_DISPLAY_NAME_MAPPINGS[name]
        inputs = kind.INPUT_TYPES()
        assert inputs.keys() <= {"required", "optional", "hidden"}
        for declared, options in (*inputs["required"].values(), *inputs["optional"].values()):
            assert declared in TYPES if isinstance(declared, str) else isinstance(declared, list)
            assert isinstance(options, dict)
        assert set(kind.RETURN_TYPES) <= TYPES
        assert len(kind.RETURN_NAMES) == len(kind.RETURN_TYPES)
        assert callable(getattr(kind, kind.FUNCTION))
        assert kind.CATEGORY


async def test_a_batch_is_swapped_shown_and_kept_with_its_marks(node: Any, comfy: ComfyUI, daemon: Any) -> None:
    target, own = batch(2), {"basis": "self", "adult": True}
    done = await asyncio.to_thread(node.swap, target, "largest", "mesh", reference=batch(1), **own)
    pictures, report = done["result"]
    assert torch.equal(pictures, target), "the fake engine gives the target back"
    assert [each["engine"] for each in json.loads(report)] == ["mesh", "mesh"]
    assert len(done["ui"]["images"]) == 2
    for shown in done["ui"]["images"]:
        assert shown["type"] == "output"
        assert (comfy.output / shown["subfolder"] / shown["filename"]).read_bytes().startswith(b"\x89PNG")
    assert comfy.bar[-1] == (1000, 1000)
    jobs = (await daemon.ask("GET", "/v1/jobs")).json["jobs"]
    assert [job["options"]["format"] for job in jobs] == ["png", "png"]


async def test_a_person_of_the_library_needs_no_statement_and_a_picture_does(
    node: Any, daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon.app[keys.WORKERS], "find_faces", find_one_face)
    body = {"picture": await daemon.put(png(shade=9)), "name": "Ann", "basis": "self", "adult": True}
    kept = (await daemon.ask("POST", "/v1/references", body)).json["id"]

    def use() -> None:
        target = batch(1)
        for person in ("Ann", kept):
            assert node.swap(target, "0", "", person=person)["result"][0].shape == (1, 8, 12, 3)
        for refused, more in (
            (BadRequest, {}),
            (UnknownReference, {"person": "Bob"}),
            (ConsentRequired, {"reference": target}),
            (ConsentRequired, {"reference": target, "basis": "self"}),
        ):
            with pytest.raises(refused):
                node.swap(target, "largest", "", **more)
        with pytest.raises(BadRequest):
            node.swap(target, "left", "", person="Ann")

    await asyncio.to_thread(use)


async def test_interrupting_comfyui_cancels_the_job(node: Any, comfy: ComfyUI, daemon: Any) -> None:
    comfy.is_interrupted = True
    await daemon.ask("POST", "/v1/queue/pause")
    own = {"basis": "self", "adult": True}
    with pytest.raises(Interrupted):
        await asyncio.to_thread(node.swap, batch(1), "largest", "mesh", reference=batch(1), **own)
    assert daemon.app[keys.UNFINISHED].finished["cancelled"] == 1
