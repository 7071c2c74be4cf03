"""Weight files at their published size without a value in them: real headers, and holes of the file system behind."""

import json
from math import prod
from pathlib import Path

from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.flux.files import FluxFiles


def write_sparse(path: Path, shapes: Shapes) -> Path:
    """A safetensors file in bfloat16 whose values are a hole: it takes no room on the disk, and reads as zeros."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    written = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(written).to_bytes(8, "little") + written)
        file.truncate(8 + len(written) + end)
    return path


def write_published(folder: Path) -> FluxFiles:
    """Every file of the stack with full weights, below `folder`."""

    def one(name: str, inside: str) -> Path:
        return write_sparse(folder / inside / "model.safetensors", _as_stored(name))

    one("flux1.text-encoder", "base/text_encoder")
    one("flux1.vae", "base/vae")
    return FluxFiles(
        transformer=one("flux1-dev.transformer", "transformer").parent,
        gguf={},
        base=one("flux1.text-encoder-2", "base/text_encoder_2").parent.parent,
        control_net=one("infiniteyou.infusenet", "control_net").parent,
        resampler=one("infiniteyou.image-proj", "resampler"),
        ir_se50=one("arcface-ir-se50", "ir_se50"),
        arcface=folder / "glintr100.onnx",
        pulid=one("pulid-flux", "pulid"),
        eva=one("eva02-clip-l-336", "eva"),
        parsing=one("bisenet", "parsing"),
        faceid=one("withanyone", "faceid"),
        faceid_layout="withanyone",
    )


def _as_stored(name: str) -> Shapes:
    # A shard has T5's embedding once; a module has a second name for it.
    return {key: shape for key, shape in manifest(name).items() if key != "encoder.embed_tokens.weight"}
