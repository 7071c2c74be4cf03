"""The stack's weight files at their published size without a value in them; see `diffusion.measure.holes`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.measure.holes import require_room, write_sparse, write_sparse_gguf
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.tiny.encoders import encoder_files
from mien_pipeline.engines.flux.transformer import DEV_CONFIG
from mien_pipeline.plan.component import NumberFormat

# The published `config.json` of what is read with one, as far as a network's layout depends on it.
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "transformer": DEV_CONFIG,
    "control_net": {**DEV_CONFIG, "_class_name": "FluxControlNetModel", "num_layers": 4, "num_single_layers": 10},
    "text_encoder": {
        "architectures": ["CLIPTextModel"],
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "projection_dim": 768,
    },
    "text_encoder_2": {
        "architectures": ["T5EncoderModel"],
        "vocab_size": 32128,
        "d_model": 4096,
        "d_kv": 64,
        "d_ff": 10240,
        "num_layers": 24,
        "num_heads": 64,
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": False,
    },
    "vae": {
        "_class_name": "AutoencoderKL",
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "block_out_channels": [128, 256, 512, 512],
        "layers_per_block": 2,
        "latent_channels": 16,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        "sample_size": 1024,
        "scaling_factor": 0.3611,
        "shift_factor": 0.1159,
    },
}
# Names of files that diffusers' own reader of quantised networks looks for.
PUBLISHED_NAMES: Mapping[str, str] = dict.fromkeys(
    ("transformer", "control_net", "vae"), "diffusion_pytorch_model.safetensors"
)
# Of every list of blocks, how many members a stack of one block of each kind has.
ONE_OF_EACH = {
    r"(?:^|\.)transformer_blocks\.": 1,
    r"single_transformer_blocks\.": 1,
    r"controlnet_blocks\.": 1,
    r"controlnet_single_blocks\.": 1,
    r"^pulid_ca\.": 2,
    r"^ipa_arc\.": 2,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the files of a stack hold.

    Attributes:
        shapes: names and shapes in each file, by the name of the network or of the file that several are read from.
        configs: of those that are read with one.
    """

    shapes: Mapping[str, Shapes]
    configs: Mapping[str, Mapping[str, Any]]

    @property
    def bytes(self) -> int:
        """What they take where the file system has no holes; a GGUF file is counted as if it were bfloat16."""
        return sum(2 * prod(shape) for shapes in self.shapes.values() for shape in shapes.values())

    def one_of_each(self) -> "Layout":
        """One block of each kind, as wide as they are; no GGUF file, because those are read as whole FLUX.1 [dev]."""
        one = {"num_layers": 1, "num_single_layers": 1}
        configs = {**self.configs, **{name: {**self.configs[name], **one} for name in ("transformer", "control_net")}}
        kept = {
            network: {name: tuple(shape) for name, shape in shapes.items() if _is_kept(name)}
            for network, shapes in self.shapes.items()
            if network != "gguf-q4"
        }
        return Layout(kept, configs)


def published_layout(whole: bool = True) -> Layout:
    """Every file of the stack with full weights, and the transformer's GGUF file.

    Args:
        whole: with all blocks; False is `Layout.one_of_each`.
    """
    names = {
        "transformer": "flux1-dev.transformer",
        "gguf-q4": "flux1-dev.single-file",
        "control_net": "infiniteyou.infusenet",
        "text_encoder": "flux1.text-encoder",
        "text_encoder_2": "flux1.text-encoder-2",
        "vae": "flux1.vae",
        "resampler": "infiniteyou.image-proj",
        "ir_se50": "arcface-ir-se50",
        "pulid": "pulid-flux",
        "eva": "eva02-clip-l-336",
        "parsing": "bisenet",
        "faceid": "withanyone",
    }
    # A shard has T5's embedding once; a module has a second name for it.
    shapes = {
        network: {key: shape for key, shape in manifest(name).items() if key != "encoder.embed_tokens.weight"}
        for network, name in names.items()
    }
    layout = Layout(shapes, CONFIGS)
    return layout if whole else layout.one_of_each()


def _is_kept(name: str) -> bool:
    for pattern, count in ONE_OF_EACH.items():
        found = re.search(rf"{pattern}(\d+)\.", name)
        if found and int(found[1]) >= count:
            return False
    return True


def write_layout(folder: Path, layout: Layout) -> FluxFiles:
    """Write every file of a stack below `folder`.

    Raises:
        DiskFull: the file system has no holes, and the files would leave less than 5 GiB; nothing is written.
    """
    require_room(folder, layout.bytes)

    def one(name: str, inside: str) -> Path:
        path = write_sparse(folder / inside / PUBLISHED_NAMES.get(name, "model.safetensors"), layout.shapes[name])
        if name in layout.configs:
            path.with_name("config.json").write_text(json.dumps(dict(layout.configs[name])), encoding="utf-8")
        return path

    one("text_encoder", "base/text_encoder")
    one("vae", "base/vae")
    base = one("text_encoder_2", "base/text_encoder_2").parent.parent
    for path, write in encoder_files().items():
        if path.startswith("tokenizer"):
            (base / path).parent.mkdir(exist_ok=True)
            write(base / path)
    packed: dict[NumberFormat, Path] = {}
    if "gguf-q4" in layout.shapes:
        packed["gguf-q4"] = write_sparse_gguf(folder / "flux1-dev-Q4_0.gguf", layout.shapes["gguf-q4"])
    return FluxFiles(
        transformer=one("transformer", "transformer").parent,
        gguf=packed,
        base=base,
        control_net=one("control_net", "control_net").parent,
        resampler=one("resampler", "resampler"),
        ir_se50=one("ir_se50", "ir_se50"),
        arcface=folder / "glintr100.onnx",
        pulid=one("pulid", "pulid"),
        eva=one("eva", "eva"),
        parsing=one("parsing", "parsing"),
        faceid=one("faceid", "faceid"),
        faceid_layout="withanyone",
    )
