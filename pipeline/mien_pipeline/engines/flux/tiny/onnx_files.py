"""Stand-ins for InsightFace's two ONNX files."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray


def write_recogniser(path: Path) -> None:
    """ArcFace's signature (112 px in, 512 numbers out): local means through one random map."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = torch.randn(3 * 14 * 14, 512).numpy() / np.sqrt(588)
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["input.1"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
        ],
        "tiny-arcface",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["batch", 3, 112, 112])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 512])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))


# SCRFD-10G's own names of its outputs: scores, boxes and points, each for strides of 8, 16 and 32 px.
DETECTOR_OUTPUTS = ("448", "471", "494", "451", "474", "497", "454", "477", "500")
_STRIDES, _ANCHORS, _WIDTHS, _SIDE = (8, 16, 32), 2, (1, 4, 10), 640


def write_detector(path: Path) -> None:
    """SCRFD-10G's signature: random maps of each cell's mean colour; a cell scores above .5 where it is very red."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("AveragePool", ["input.1"], [f"mean{side}"], kernel_shape=[side, side], strides=[side, side])
        for side in _STRIDES
    ]
    kept: dict[str, NDArray[np.generic]] = {}
    for index, name in enumerate(DETECTOR_OUTPUTS):
        stride, width = _STRIDES[index % 3], _WIDTHS[index // 3]
        weights, bias = _detector_map(width)
        kept |= {f"weights{name}": weights, f"bias{name}": bias, f"shape{name}": np.array([-1, width], np.int64)}
        flat = f"flat{name}" if width == 1 else name
        nodes += [
            helper.make_node("Conv", [f"mean{stride}", f"weights{name}", f"bias{name}"], [f"map{name}"]),
            helper.make_node("Transpose", [f"map{name}"], [f"last{name}"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", [f"last{name}", f"shape{name}"], [flat]),
        ]
        if width == 1:
            nodes.append(helper.make_node("Sigmoid", [flat], [name]))
    graph = helper.make_graph(
        nodes,
        "tiny-scrfd",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, "?", "?"])],
        [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, [(_SIDE // _STRIDES[index % 3]) ** 2 * _ANCHORS, _WIDTHS[index // 3]]
            )
            for index, name in enumerate(DETECTOR_OUTPUTS)
        ],
        [numpy_helper.from_array(value, name) for name, value in kept.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))


def _detector_map(width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(anchors · width, 3, 1, 1) weights and (anchors · width,) bias of one output."""
    if width == 1:
        redness = np.array([6.0, -6.0, -6.0], np.float32)
        return np.stack([redness, 0.9 * redness]).reshape(2, 3, 1, 1), np.array([-9.0, -9.0], np.float32)
    weights = 0.2 * torch.randn(_ANCHORS * width, 3, 1, 1).numpy()
    bias = 2.0 + torch.rand(_ANCHORS * width).numpy()
    return weights.astype(np.float32), bias.astype(np.float32)
