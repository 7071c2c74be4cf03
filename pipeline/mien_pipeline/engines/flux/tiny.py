"""A complete set of weight files in the published layouts, small and random: the engine runs on it anywhere.

Block counts are the real ones (19 + 38, 4 + 10, 20, 57), widths are not. What comes out is noise in the shape of a
swap: it proves the way, never the picture.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    T5Config,
    T5EncoderModel,
)

from mien_models.catalogue.entries import Catalogue, ModelFile, load_catalogue
from mien_pipeline.engines.diffusion.eva import EvaTower
from mien_pipeline.engines.diffusion.irse import IrSe50
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.diffusion.parsing import TRAINING_HEADS, BiSeNet
from mien_pipeline.engines.diffusion.perceiver import PerceiverCrossAttention
from mien_pipeline.engines.flux.faceid import ArcAdapter, XlabsAdapter
from mien_pipeline.engines.flux.instantid import Resampler, identity_net
from mien_pipeline.engines.flux.pulid import IDFormer, PulidAttentions

BUNDLE = "flux-dev"
# Other bases and another adapter, each pulled by its own name.
OPTIONAL = ("flux-1-schnell", "flux-1-fill-dev", "taef1", "xlabs-ip-adapter", "clip-vit-l14")
WIDTH, TEXT_WIDTH, POOLED = 32, 24, 16
EVA_WIDTH, EVA_OUT, ID_WIDTH = 64, 16, 32
FLUX: dict[str, Any] = {
    "in_channels": 64,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": TEXT_WIDTH,
    "pooled_projection_dim": POOLED,
    "guidance_embeds": True,
    "axes_dims_rope": [4, 6, 6],
}
VAE: dict[str, Any] = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8, 8, 8, 8],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "latent_channels": 16,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    # FLUX.1's own.
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
}

Write = Callable[[Path], None]

LICENCE = """
[licences.random-numbers]
name = "CC0 1.0"
spdx = "CC0-1.0"
url = "https://creativecommons.org/publicdomain/zero/1.0/legalcode.txt"
commercial = true
note = "Random numbers."
"""


def make_tiny(folder: Path, seed: int = 0) -> Path:
    """Write the bundle below `folder`, and a catalogue that has the model store take it from there.

    `MIEN_CATALOGUE={folder}/catalogue.toml mien models pull flux-dev` installs it as the real one is installed,
    pickles converted and all.

    Returns:
        The catalogue's path.
    """
    published = load_catalogue({})
    torch.manual_seed(seed)
    files = _files()
    entries: list[str] = []
    for name in (*published.bundles[BUNDLE], *OPTIONAL):
        entries.append(_entry(published, name, folder / name))
        for file in published.model(name).files:
            path = folder / name / file.remote
            path.parent.mkdir(parents=True, exist_ok=True)
            files[f"{name}/{file.path}"](path)
            entries.append(_file_entry(name, file, path))
    catalogue = folder / "catalogue.toml"
    catalogue.write_text("format = 1\n" + LICENCE + "\n".join(entries), encoding="utf-8")
    return catalogue


def _entry(published: Catalogue, name: str, folder: Path) -> str:
    title = f"random numbers in the layout of: {published.model(name).title}"
    where = json.dumps(folder.absolute().as_posix())
    return (
        f'\n[models.{name}]\ntitle = {json.dumps(title)}\nversion = "tiny"\nlicence = "random-numbers"\n'
        f'source = {{ kind = "local", folder = {where} }}'
    )


def _file_entry(name: str, file: ModelFile, path: Path) -> str:
    content = path.read_bytes()
    values: dict[str, object] = {
        "path": file.path,
        "format": file.format,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "at": file.at,
        "converted": file.converted,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    return "\n".join([f"[[models.{name}.files]]", *lines])


def _files() -> dict[str, Write]:
    """What writes each file, by `model/path`."""
    control = identity_net(FLUX | {"num_layers": 4, "num_single_layers": 10})
    return {
        **_base("flux-1-dev-transformer"),
        **_base("flux-1-schnell", guidance_embeds=False),
        **_base("flux-1-fill-dev", in_channels=64 + 64 + 256, out_channels=64),
        **{f"taef1/{path}": write for path, write in _taef1().items()},
        "xlabs-ip-adapter/ip_adapter.safetensors": _saved(
            _randomised(XlabsAdapter(WIDTH, TEXT_WIDTH, 4, 16)).state_dict()
        ),
        "clip-vit-l14/model.safetensors": _saved(_clip()),
        **_sharded(
            "infiniteyou/InfuseNetModel",
            control,
            {"_class_name": "FluxControlNetModel", **FLUX, "num_layers": 4, "num_single_layers": 10},
            2,
        ),
        **{f"flux-1-dev-parts/{path}": write for path, write in _parts().items()},
        "infiniteyou/image_proj_model.bin": _pickled(
            {"image_proj": _randomised(Resampler(64, 4, 1, 96, 8, 512, TEXT_WIDTH)).state_dict()}
        ),
        "pulid-flux/pulid_flux_v0.9.1.safetensors": _saved(_pulid()),
        "eva-clip/EVA02_CLIP_L_336_psz14_s6B.pt": _pickled(_eva()),
        "withanyone/withanyone.safetensors": _saved(_withanyone()),
        "ir-se50/recognition_arcface_ir_se50.pth": _pickled(_randomised(_ir_se50()).state_dict()),
        "face-parsing/parsing_bisenet.pth": _pickled(_bisenet()),
        "antelopev2/glintr100.onnx": _recogniser,
        "antelopev2/scrfd_10g_bnkps.onnx": _detector,
    }


# ── networks ─────────────────────────────────────────────────────────────────────────────────────────────


def _randomised(module: nn.Module) -> nn.Module:
    """Every parameter drawn anew, so that nothing that is born zero hides what it does. Signals keep their size."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            spread = 0.02
            if parameter.ndim > 1:
                spread = parameter[0].numel() ** -0.5
            centre = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            parameter.copy_(centre + spread * torch.randn(parameter.shape))
    return module


def _base(name: str, **changed: Any) -> dict[str, Write]:
    config = FLUX | changed
    network = FluxTransformer2DModel(**config)
    return _sharded(f"{name}/transformer", network, {"_class_name": "FluxTransformer2DModel", **config}, 3)


def _taef1() -> dict[str, Write]:
    config: dict[str, Any] = {
        "latent_channels": 16,
        "encoder_block_out_channels": [8, 8, 8, 8],
        "decoder_block_out_channels": [8, 8, 8, 8],
        "num_encoder_blocks": [1, 1, 1, 1],
        "num_decoder_blocks": [1, 1, 1, 1],
        "scaling_factor": 1.0,
        "shift_factor": 0.0,
    }
    network: Any = AutoencoderTiny(**config)
    return {
        "config.json": _json({"_class_name": "AutoencoderTiny", **config}),
        "diffusion_pytorch_model.safetensors": _saved(_randomised(network).state_dict()),
    }


def _clip() -> dict[str, Tensor]:
    """The image tower, and a number of the text tower's as in the published file."""
    config = CLIPVisionConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=1, image_size=28, patch_size=14,
        projection_dim=16,
    )  # fmt: skip
    tower = _randomised(CLIPVisionModelWithProjection(config)).state_dict()
    return {**tower, "logit_scale": torch.zeros(1), "text_model.final_layer_norm.weight": torch.zeros(1)}


def _pulid() -> dict[str, Tensor]:
    former = IDFormer(64, 10, 1, 96, 5, 8, ID_WIDTH, 512 + EVA_OUT, EVA_WIDTH, 64)
    attentions = PulidAttentions(PerceiverCrossAttention(WIDTH, ID_WIDTH, 1, 128) for _ in range(20))
    return {**_prefixed("pulid_encoder.", _randomised(former)), **_prefixed("pulid_ca.", _randomised(attentions))}


def _eva() -> dict[str, Tensor]:
    tower = EvaTower(dim=EVA_WIDTH, hidden=96, layers=24, grid=4, patch=14, output_dim=EVA_OUT)
    return {**_prefixed("visual.", _randomised(tower)), **_others("eva02-clip-l-336", ("text.", "logit_scale"))}


def _withanyone() -> dict[str, Tensor]:
    adapter = ArcAdapter(WIDTH, 57, 1, 64, 512)
    return {**_prefixed("", _randomised(adapter)), **_others("withanyone.sig", ("",))}


def _ir_se50() -> IrSe50:
    widths = (4, *[4] * 3, *[6] * 4, *[8] * 14, *[10] * 3)
    return IrSe50(widths, (2,) * 24, 7 * 7 * 10)


def _bisenet() -> dict[str, Tensor]:
    network = BiSeNet((8, 8, 12, 16), 8, 8, 4)
    return {**_prefixed("", _randomised(network)), **_others("bisenet", TRAINING_HEADS)}


def _prefixed(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in module.state_dict().items()}


def _others(published: str, beginnings: tuple[str, ...]) -> dict[str, Tensor]:
    """Tensors that a published file holds for somebody else, one number each."""
    return {
        name: torch.zeros([1] * len(shape))
        for name, shape in manifest(published).items()
        if name.startswith(beginnings)
    }


# ── FLUX.1's folder ──────────────────────────────────────────────────────────────────────────────────────


def _parts() -> dict[str, Write]:
    words, letters = _clip_vocabulary(), _t5_pieces()
    clip = CLIPTextConfig(
        vocab_size=len(words), hidden_size=POOLED, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=len(words) - 1,
    )  # fmt: skip
    t5 = T5Config(
        vocab_size=len(letters), d_model=TEXT_WIDTH, d_kv=12, d_ff=32, num_layers=1, num_heads=2,
        feed_forward_proj="gated-gelu", is_encoder_decoder=False,
    )  # fmt: skip
    # Published files put the tower's name in front.
    clip_state = _prefixed("text_model.", _randomised(CLIPTextModel(clip)))
    t5_state = {
        name: value
        for name, value in _randomised(T5EncoderModel(t5)).state_dict().items()
        if name != "encoder.embed_tokens.weight"
    }
    vae: Any = AutoencoderKL(**VAE)
    return {
        "model_index.json": _json({"_class_name": "FluxPipeline"}),
        "scheduler/scheduler_config.json": _json({"_class_name": "FlowMatchEulerDiscreteScheduler"}),
        "text_encoder/config.json": _json(clip.to_dict() | {"architectures": ["CLIPTextModel"]}),
        "text_encoder/model.safetensors": _saved(clip_state),
        "text_encoder_2/config.json": _json(t5.to_dict() | {"architectures": ["T5EncoderModel"]}),
        **_shards("text_encoder_2", "model", t5_state, 2),
        "tokenizer/vocab.json": _json(words),
        "tokenizer/merges.txt": _text("#version: 0.2\n"),
        "tokenizer/special_tokens_map.json": _json({"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}),
        "tokenizer/tokenizer_config.json": _json(
            {
                "tokenizer_class": "CLIPTokenizer",
                "bos_token": "<|startoftext|>",
                "eos_token": "<|endoftext|>",
                "unk_token": "<|endoftext|>",
                "pad_token": "<|endoftext|>",
            }
        ),
        "tokenizer_2/tokenizer.json": _text(_t5_tokenizer(letters)),
        "tokenizer_2/special_tokens_map.json": _json({"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}),
        "tokenizer_2/tokenizer_config.json": _json(
            {
                "tokenizer_class": "T5Tokenizer",
                "eos_token": "</s>",
                "pad_token": "<pad>",
                "unk_token": "<unk>",
                "extra_ids": 0,
            }
        ),
        "vae/config.json": _json({"_class_name": "AutoencoderKL", **VAE}),
        "vae/diffusion_pytorch_model.safetensors": _saved(_randomised(vae).state_dict()),
    }


def _clip_vocabulary() -> dict[str, int]:
    """Printable letters, each inside and at the end of a word."""
    letters = [chr(code) for code in range(33, 127)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {piece: index for index, piece in enumerate(pieces)}


def _t5_pieces() -> list[tuple[str, float]]:
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return [*specials, *((chr(code), -3.0) for code in range(33, 127))]


def _t5_tokenizer(pieces: list[tuple[str, float]]) -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer: Any = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return str(tokenizer.to_str())


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────


def _json(value: Any) -> Write:
    return _text(json.dumps(value))


def _text(content: str) -> Write:
    def write(path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    return write


def _saved(state: Mapping[str, Tensor]) -> Write:
    def write(path: Path) -> None:
        # The rotary table is one tensor under many names; a safetensors file has a copy for each.
        save_file({name: value.detach().clone().contiguous() for name, value in state.items()}, path)

    return write


def _pickled(state: Mapping[str, Any]) -> Write:
    def write(path: Path) -> None:
        torch.save(dict(state), path)

    return write


def _sharded(folder: str, module: nn.Module, config: Mapping[str, Any], count: int) -> dict[str, Write]:
    """A diffusers folder: configuration, index and shards."""
    shards = _shards(folder, "diffusion_pytorch_model", _randomised(module).state_dict(), count)
    return {f"{folder}/config.json": _json(dict(config)), **shards}


def _shards(folder: str, stem: str, state: Mapping[str, Tensor], count: int) -> dict[str, Write]:
    names = sorted(state)
    each = -(-len(names) // count)
    files = {
        f"{stem}-{number + 1:05d}-of-{count:05d}.safetensors": names[number * each : (number + 1) * each]
        for number in range(count)
    }
    index = {
        "metadata": {"total_size": sum(value.numel() * value.element_size() for value in state.values())},
        "weight_map": {name: file for file, inside in files.items() for name in inside},
    }
    return {
        **{f"{folder}/{file}": _saved({name: state[name] for name in inside}) for file, inside in files.items()},
        f"{folder}/{stem}.safetensors.index.json": _json(index),
    }


def _recogniser(path: Path) -> None:
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


def _detector(path: Path) -> None:
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
