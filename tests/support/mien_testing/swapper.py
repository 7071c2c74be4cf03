"""Networks in the interface that each row of the catalogue's table states, with random weights.

Names of inputs and outputs, sides and numbers of axes are those of the published files: inswapper's as InsightFace
reads them, the others' as FaceFusion's. One test of the engine states them again, row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien_models.catalogue.entries import Catalogue, load_catalogue
from mien_models.catalogue.networks import PictureIdentity, Swapper

SWAPPER_FILE, RECOGNISER_FILE = "inswapper_128.onnx", "w600k_r50.onnx"

Nodes = list[onnx.NodeProto]
Values = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Folder:
    """Weights that lie in one folder."""

    path_: Path

    def path(self, model: str, file: str | None = None, /) -> Path:
        return self.path_ / (file or model)

    def read(self, model: str, file: str | None = None, /) -> bytes:
        return self.path(model, file).read_bytes()


def write_network(
    path: Path,
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, Sequence[int | str]],
    nodes: Nodes,
    weights: Mapping[str, NDArray[np.generic]],
    kinds: Mapping[str, int] = {},
) -> None:
    """An ONNX file; `kinds` are the types of inputs that are not float32."""

    def info(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), shape)

    graph = helper.make_graph(
        nodes,
        path.stem,
        [info(name, shape) for name, shape in inputs.items()],
        [info(name, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))


def write_swappers(folder: Path, catalogue: Catalogue | None = None) -> Folder:
    """A network for each file that a row of the catalogue names."""
    catalogue = catalogue or load_catalogue({})
    rng = np.random.default_rng(0)
    write_recogniser(folder / RECOGNISER_FILE, rng)
    for name, row in catalogue.swappers.items():
        write_row(folder / row.network.file, row, rng, masked=name.startswith("hyperswap"))
        if row.identity.kind == "vector" and row.identity.converter:
            write_converter(folder / row.identity.converter.file, rng)
    return Folder(folder)


def write_row(path: Path, row: Swapper, rng: np.random.Generator, masked: bool = False) -> None:
    """A swapper: mixes channels and neighbours of the target, and shifts its colour by the identity.

    Args:
        masked: it has a second output, a mask, as hyperswap's files do.
    """
    picture = (1, 3, row.side, row.side)
    mixed = np.zeros((3, 3, 3, 3), np.float32)
    mixed[range(3), range(3), 1, 1] = 0.8 / np.array(row.out_scale) * np.array(row.std)
    mixed += rng.normal(0, 0.01, mixed.shape).astype(np.float32)
    nodes = [helper.make_node("Conv", ["target", "kernel", "bias"], ["seen"], pads=[1, 1, 1, 1])]
    bias = (0.8 * np.array(row.mean) + 0.1 - np.array(row.out_shift)) / np.array(row.out_scale)
    weights: Values = {"kernel": mixed, "bias": bias.astype(np.float32)}
    told, source = _tell_picture(row.identity, rng) if row.identity.kind == "picture" else _tell_vector(row, rng)
    outputs: dict[str, Sequence[int]] = {"output": picture}
    if masked:
        outputs["mask"] = (1, 1, row.side, row.side)
        nodes.append(helper.make_node("ReduceMean", ["target"], ["mask"], axes=[1], keepdims=1))
    nodes += [*told.nodes, helper.make_node("Add", ["seen", "shift"], ["output"])]
    write_network(path, {"target": picture, "source": source}, outputs, nodes, weights | told.weights)


def open_batch(path: Path) -> None:
    """Leave the number of crops open in the file of a row that is told a vector; published files state 1."""
    network = onnx.load(str(path))
    for end in (*network.graph.input, *network.graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "number"
    (shape,) = (each for each in network.graph.initializer if each.name == "shape")
    shape.raw_data = np.array([-1, 3, 1, 1], np.int64).tobytes()
    onnx.save(network, str(path))


@dataclass(frozen=True)
class Told:
    """The part of a swapper that turns an identity into `shift`, (1, 3, 1, 1)."""

    nodes: Nodes
    weights: Values


def _tell_vector(row: Swapper, rng: np.random.Generator) -> tuple[Told, Sequence[int]]:
    """The shift of a vector of 512; the last initialiser is a map where the row has one, by its authors' convention."""
    nodes: Nodes = []
    weights: Values = {
        "tint": rng.normal(0, 0.2, (512, 3)).astype(np.float32),
        "shape": np.array([1, 3, 1, 1], np.int64),
    }
    if row.identity.kind == "vector" and row.identity.emap:
        weights["map"] = (np.eye(512) + rng.normal(0, 0.01, (512, 512))).astype(np.float32)
        nodes.append(helper.make_node("MatMul", ["source", "map"], ["mapped"]))
    nodes += [
        helper.make_node("MatMul", ["mapped" if nodes else "source", "tint"], ["colour"]),
        helper.make_node("Reshape", ["colour", "shape"], ["shift"]),
    ]
    return Told(nodes, weights), (1, 512)


def _tell_picture(identity: PictureIdentity, rng: np.random.Generator) -> tuple[Told, Sequence[int]]:
    nodes = [
        helper.make_node("GlobalAveragePool", ["source"], ["means"]),
        helper.make_node("Conv", ["means", "mix", "middle"], ["shift"]),
    ]
    mix = rng.normal(0, 0.5, (3, 3, 1, 1)).astype(np.float32)
    weights: Values = {"mix": mix, "middle": -mix.sum((1, 2, 3)).astype(np.float32) / 2}
    return Told(nodes, weights), (1, 3, identity.side, identity.side)


def write_recogniser(path: Path, rng: np.random.Generator) -> None:
    """A recogniser that looks at 8 × 8 means; its vectors have no unit length."""
    write_network(
        path,
        {"input": (1, 3, 112, 112)},
        {"output": (1, 512)},
        [
            helper.make_node("AveragePool", ["input"], ["means"], kernel_shape=[14, 14], strides=[14, 14]),
            helper.make_node("Flatten", ["means"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["output"]),
        ],
        {"weights": rng.normal(0, 1, (192, 512)).astype(np.float32)},
    )


def write_converter(path: Path, rng: np.random.Generator) -> None:
    """A converter from one recogniser's space to another's; not linear, so that a vector's length matters."""
    write_network(
        path,
        {"input": (1, 512)},
        {"output": (1, 512)},
        [
            helper.make_node("MatMul", ["input", "turn"], ["turned"]),
            helper.make_node("Tanh", ["turned"], ["bent"]),
            helper.make_node("MatMul", ["bent", "spread"], ["output"]),
        ],
        {
            "turn": rng.normal(0, 0.01, (512, 512)).astype(np.float32),
            "spread": rng.normal(0, 0.004, (512, 512)).astype(np.float32),
        },
    )
