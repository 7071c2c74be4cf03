"""The GAN engines: a group's faces in one run of the network, and arrays that are bound, against one after another.

The network has random weights, and about the work of a small generator of 128 pixels: no figure is one of a published
file. Published files take one crop at a time; here the number is open.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx import helper

from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row, ratio
from mien_pipeline.image import Floats
from mien_pipeline.onnx_network import PROCESSOR, OnnxNetwork
from mien_testing.swapper import Nodes, Values, write_network

SIDE, WIDTH, BLOCKS = 128, 64, 6
FACES = 8


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "generator.onnx"
        write_generator(path)
        yield from compare_groups(OnnxNetwork(path, environ={"MIEN_DEVICE": "cpu"}))
        yield from compare_binding(onnxruntime.InferenceSession(str(path), providers=[PROCESSOR]))


def compare_groups(network: OnnxNetwork) -> Iterator[Row]:
    """Wall time, and processor time; what differs is rounding."""
    told = make_inputs(FACES)
    alone = [{name: values[place : place + 1] for name, values in told.items()} for place in range(FACES)]

    def run_together() -> Floats:
        return network.run(None, told)[0]

    def run_alone() -> list[Floats]:
        return [network.run(None, each)[0] for each in alone]

    what = f"{FACES} faces in one run ÷ in {FACES} runs"
    yield Row(f"{what}, wall time", ratio(run_together, run_alone), "ratio")
    yield Row(f"{what}, processor time", ratio(run_together, run_alone, clock=time.process_time), "ratio", 1.25)
    apart = float(np.abs(run_together() - np.concatenate(run_alone())).max())
    yield Row("the most that a batch changes ÷ a code value", apart * 255, "ratio", 0.5)


def compare_binding(session: Any) -> Iterator[Row]:
    """Arrays that are bound once, and a result that is written where it is wanted, on the processor."""
    told = make_inputs(1)
    made = np.empty((1, 3, SIDE, SIDE), np.float32)
    binding = session.io_binding()
    for name, values in told.items():
        binding.bind_cpu_input(name, values)
    output = session.get_outputs()[0].name
    binding.bind_output(output, "cpu", 0, np.float32, made.shape, made.ctypes.data)
    clock = time.process_time
    bound = ratio(lambda: session.run_with_iobinding(binding), lambda: session.run(None, told), 15, clock)
    yield Row("a run with bound arrays ÷ without, processor time", bound, "ratio")


def make_inputs(count: int) -> dict[str, Floats]:
    rng = np.random.default_rng(0)
    return {
        "target": rng.random((count, 3, SIDE, SIDE), np.float32),
        "source": rng.normal(0, 1, (count, 512)).astype(np.float32),
    }


def write_generator(path: Path) -> None:
    """Down twice, residual blocks whose channels the identity scales, up twice."""
    rng = np.random.default_rng(0)
    nodes: Nodes = []
    weights: Values = {"shape": np.array([-1, 4 * WIDTH, 1, 1], np.int64), "scales": np.array([1, 1, 2, 2], np.float32)}

    def convolve(into: str, before: str, channels: tuple[int, int], step: int = 1) -> str:
        gain = np.sqrt(2 / (9 * channels[0]))
        weights[f"{into}.weight"] = rng.normal(0, gain, (channels[1], channels[0], 3, 3)).astype(np.float32)
        told = [before, f"{into}.weight"]
        nodes.append(helper.make_node("Conv", told, [f"{into}.conv"], pads=[1] * 4, strides=[step] * 2))
        nodes.append(helper.make_node("Relu", [f"{into}.conv"], [into]))
        return into

    at = convolve("first", "target", (3, WIDTH))
    at = convolve("half", at, (WIDTH, 2 * WIDTH), 2)
    at = convolve("quarter", at, (2 * WIDTH, 4 * WIDTH), 2)
    for block in range(BLOCKS):
        weights[f"style{block}"] = rng.normal(0, 512**-0.5, (512, 4 * WIDTH)).astype(np.float32)
        nodes.append(helper.make_node("MatMul", ["source", f"style{block}"], [f"flat{block}"]))
        nodes.append(helper.make_node("Reshape", [f"flat{block}", "shape"], [f"scale{block}"]))
        inner = convolve(f"inner{block}", at, (4 * WIDTH, 4 * WIDTH))
        nodes.append(helper.make_node("Mul", [inner, f"scale{block}"], [f"styled{block}"]))
        nodes.append(helper.make_node("Add", [f"styled{block}", at], [f"block{block}"]))
        at = f"block{block}"
    for name, channels in (("up1", (4 * WIDTH, WIDTH)), ("up2", (WIDTH, 3))):
        nodes.append(helper.make_node("Resize", [at, "", "scales"], [f"{name}.large"], mode="nearest"))
        at = convolve(name, f"{name}.large", channels)
    nodes.append(helper.make_node("Tanh", [at], ["output"]))
    crops = ("number", 3, SIDE, SIDE)
    write_network(path, {"target": crops, "source": ("number", 512)}, {"output": crops}, nodes, weights)
