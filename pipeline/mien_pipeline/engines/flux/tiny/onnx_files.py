"""Stand-ins for InsightFace's two ONNX files."""

from pathlib import Path

import numpy as np
import torch


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


def write_detector(path: Path) -> None:
    """A network in the detector's place; the product's own detector is used instead."""
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input.1"], ["output"])],
        "tiny-detector",
        [value("input.1", TensorProto.FLOAT, [1, 3, 64, 64])],
        [value("output", TensorProto.FLOAT, [1, 3, 64, 64])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
