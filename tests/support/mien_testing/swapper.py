"""inswapper's two networks in their published shapes with weights of our own, for tests of the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien_pipeline.engines.onnx.inswapper import RECOGNISER_FILE, SWAPPER_FILE


@dataclass(frozen=True)
class Folder:
    """Weights that lie in one folder."""

    path_: Path

    def path(self, model: str, file: str | None = None, /) -> Path:
        return self.path_ / (file or model)

    def read(self, model: str, file: str | None = None, /) -> bytes:
        return self.path(model, file).read_bytes()


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


def write_swapper(folder: Path) -> Folder:
    """inswapper's two networks: the swapper tints the picture by the identity, the recogniser looks at 8 × 8 means."""
    rng = np.random.default_rng(0)
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
