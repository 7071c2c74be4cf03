"""The transformer from one file of its makers' names: bfloat16, their float8, or GGUF.

One file holds no configuration: widths and depths are its shapes', the rest is what was published.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from safetensors import safe_open
from torch import Tensor

from mien_core.errors import BrokenWeights
from mien_pipeline.device import compute_dtype
from mien_pipeline.engines.diffusion.float8 import FLOAT8, ScaledLinear, put_module
from mien_pipeline.engines.diffusion.forms import check_libraries
from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.quantization import quantization
from mien_pipeline.engines.diffusion.weights import agree, build_empty, depth, shapes_of
from mien_pipeline.engines.klein.names import to_folder
from mien_pipeline.engines.klein.published import TRANSFORMER
from mien_pipeline.plan.component import NumberFormat

# Numbers beside a float8 matrix: its scale, and that of what it is multiplied with, which only float8 kernels read.
_WEIGHT_SCALE, _INPUT_SCALE = ".weight_scale", ".input_scale"


def load_single_file(path: Path, form: NumberFormat, half: torch.dtype) -> Flux2Transformer2DModel:
    """The transformer in main memory, in evaluation mode.

    float8 matrices stay as they are, each with its scale; GGUF's blocks stay packed. Everything else becomes `form`.

    Args:
        half: what it computes in where `form` has 16 bits or less.

    Raises:
        BrokenWeights: the file does not hold this network; `file` is the file.
        EngineUnavailable: the form needs a library that is not installed.
    """
    check_libraries(form, "klein")
    found = _load_gguf(path, form, half) if path.suffix == ".gguf" else _load_safetensors(path, form, half)
    return found.eval().requires_grad_(False)


def config_from(shapes: Shapes) -> dict[str, Any]:
    """The configuration of a transformer whose tensors have these shapes under their makers' names.

    Raises:
        KeyError: a tensor that says a size is missing.
    """
    width, channels = shapes["img_in.weight"]
    (head,) = shapes["single_blocks.0.norm.query_norm.scale"]
    return {
        **TRANSFORMER,
        "attention_head_dim": head,
        "axes_dims_rope": [head // 4] * 4,
        "in_channels": channels,
        "joint_attention_dim": shapes["txt_in.weight"][1],
        # A gated MLP: two matrices in one.
        "mlp_ratio": shapes["double_blocks.0.img_mlp.0.weight"][0] / (2 * width),
        "num_attention_heads": width // head,
        "num_layers": depth(shapes, "double_blocks."),
        "num_single_layers": depth(shapes, "single_blocks."),
        "timestep_guidance_channels": shapes["time_in.in_layer.weight"][1],
    }


def _load_safetensors(path: Path, form: NumberFormat, half: torch.dtype) -> Flux2Transformer2DModel:
    shapes = shapes_of(path)
    network: Flux2Transformer2DModel = build_empty(_build, shapes, path.name)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    with torch.device("meta"):
        ours = to_folder({name: torch.empty(shape) for name, shape in shapes.items() if not _is_scale(name)})
    agree(path.name, {name: tuple(value.shape) for name, value in ours.items()}, wanted)
    _check_scales(path, shapes)
    values = to_folder(dict(_read(path, compute_dtype(form, half))))
    for name in [name for name, value in values.items() if value.dtype is FLOAT8]:
        module = name.removesuffix(".weight")
        put_module(
            network, module, ScaledLinear(values[name], values.setdefault(module + _WEIGHT_SCALE, torch.ones(())))
        )
    network.load_state_dict(values, assign=True)
    return network


def _build(shapes: Shapes) -> Flux2Transformer2DModel:
    config: Any = config_from(shapes)
    return cast("Flux2Transformer2DModel", Flux2Transformer2DModel.from_config(config))


def _is_scale(name: str) -> bool:
    return name.endswith((_WEIGHT_SCALE, _INPUT_SCALE))


def _check_scales(path: Path, shapes: Shapes) -> None:
    """Return if every float8 matrix has a scale or none has, and each scale is one number of such a matrix.

    Raises:
        BrokenWeights: `missing`, `extra` or `misshapen` names the scales that are wrong.
    """
    with safe_open(path, "pt") as stored:
        matrices = [name for name in shapes if name.endswith(".weight")]
        packed = [name for name in matrices if stored.get_slice(name).get_dtype() == "F8_E4M3"]
    scales = {name for name in shapes if _is_scale(name)}
    wanted = {name.removesuffix(".weight") + _WEIGHT_SCALE for name in packed}
    allowed = wanted | {name.removesuffix(".weight") + _INPUT_SCALE for name in packed}
    has_any = any(name.endswith(_WEIGHT_SCALE) for name in scales)
    wrong = {
        "missing": sorted(wanted - scales) if has_any else [],
        "extra": sorted(scales - allowed),
        "misshapen": sorted(name for name in scales if shapes[name] not in ((), (1,))),
    }
    if any(wrong.values()):
        raise BrokenWeights(f"{path.name} has wrong scales of its float8 matrices", file=path.name, **wrong)


def _read(path: Path, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    """Each tensor of the file: float8 and its scales as they are, the rest as `dtype`."""
    with safe_open(path, "pt") as stored:
        for name in stored.keys():  # noqa: SIM118
            if not name.endswith(_INPUT_SCALE):
                value: Tensor = stored.get_tensor(name)
                if _is_scale(name):
                    yield name, value.reshape(())
                else:
                    yield name, value if value.dtype is FLOAT8 else value.to(dtype)


def _load_gguf(path: Path, form: NumberFormat, half: torch.dtype) -> Flux2Transformer2DModel:
    try:
        config: Mapping[str, Any] = config_from(_gguf_shapes(path))
        # diffusers wants the configuration in a folder, or else asks for one over the network.
        with TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
            loaded: Any = Flux2Transformer2DModel.from_single_file(
                str(path),
                config=folder,
                torch_dtype=compute_dtype(form, half),
                quantization_config=quantization(form, half),
                local_files_only=True,
            )
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        raise BrokenWeights(
            f"{path.name} does not hold FLUX.2 [klein]'s transformer: {error}", file=path.name
        ) from error
    return cast("Flux2Transformer2DModel", loaded)


def _gguf_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes in a GGUF file, which counts sizes from the last."""
    import gguf

    reader: Any = gguf.GGUFReader(path)
    return {str(each.name): tuple(int(size) for size in reversed(each.shape)) for each in reader.tensors}
