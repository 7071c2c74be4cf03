"""Every network, small and random. Block counts are the real ones (5 + 20, 36, four levels), widths are not."""

import math
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
from torch import Tensor
from transformers import Qwen3Config, Qwen3ForCausalLM

from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.diffusion.tiny.weights import randomise
from mien_pipeline.engines.diffusion.tiny.write import (
    Write,
    json_file,
    safetensors_file,
    shard_files,
    text_file,
)

TEXT_WIDTH, RANK = 16, 4
# Published widths over these; 3072 is 32 here.
TIMES_SMALLER = 96
TRANSFORMER: dict[str, Any] = {
    "patch_size": 1,
    "in_channels": 128,
    "num_layers": 5,
    "num_single_layers": 20,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 3 * TEXT_WIDTH,
    "timestep_guidance_channels": 256,
    "mlp_ratio": 3.0,
    "axes_dims_rope": [4, 4, 4, 4],
    "rope_theta": 2000,
    "eps": 1e-6,
    "guidance_embeds": False,
}
VAE: dict[str, Any] = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    # They widen where the published ones do.
    "block_out_channels": [4, 8, 16, 16],
    "layers_per_block": 2,
    "norm_num_groups": 4,
    "latent_channels": 32,
    "batch_norm_eps": 1e-4,
    "patch_size": [2, 2],
}
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# Qwen3's own turns, as far as one of a person with thinking off needs them.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


def transformer_files() -> dict[str, Write]:
    """The transformer's configuration and weights, by their path."""
    network = randomise(Flux2Transformer2DModel(**TRANSFORMER))
    return {
        "transformer/config.json": json_file({"_class_name": "Flux2Transformer2DModel", **TRANSFORMER}),
        "transformer/diffusion_pytorch_model.safetensors": safetensors_file(network.state_dict()),
    }


def vae_files() -> dict[str, Write]:
    """The VAE with statistics that are not 0 and 1, and the scheduler's settings."""
    network: Any = AutoencoderKLFlux2(**VAE)
    randomise(network)
    network.bn.running_mean.normal_(0, 0.5)
    network.bn.running_var.uniform_(0.5, 2.0)
    return {
        "model_index.json": json_file({"_class_name": "Flux2KleinPipeline", "is_distilled": True}),
        "scheduler/scheduler_config.json": json_file(
            {
                "_class_name": "FlowMatchEulerDiscreteScheduler",
                "shift": 3.0,
                "use_dynamic_shifting": True,
                "time_shift_type": "exponential",
            }
        ),
        "vae/config.json": json_file({"_class_name": "AutoencoderKLFlux2", **VAE}),
        "vae/diffusion_pytorch_model.safetensors": safetensors_file(network.state_dict()),
    }


def text_files() -> dict[str, Write]:
    """Qwen3 with its 36 layers in two shards, and a tokenizer of single bytes."""
    words = _vocabulary()
    config = Qwen3Config(
        vocab_size=len(words), hidden_size=TEXT_WIDTH, intermediate_size=32, num_hidden_layers=36, head_dim=8,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True, bos_token_id=words[SPECIAL[0]],
        eos_token_id=words[SPECIAL[2]],
    )  # fmt: skip
    state = randomise(Qwen3ForCausalLM(config)).state_dict()
    tied = {name: value for name, value in state.items() if name != "lm_head.weight"}
    return {
        "text_encoder/config.json": json_file(config.to_dict() | {"architectures": ["Qwen3ForCausalLM"]}),
        "text_encoder/generation_config.json": json_file({}),
        **shard_files("text_encoder", "model", tied, 2),
        **tokenizer_files(),
    }


def lora_state() -> dict[str, Tensor]:
    """The head-swap LoRA under its published names, its two factors small enough to leave the network's scale."""
    shapes = manifest("bfs-head-klein-4b")
    rank = min(min(shape) for shape in shapes.values())
    small = {
        name: tuple(RANK if size == rank else size // TIMES_SMALLER for size in shape) for name, shape in shapes.items()
    }
    return {name: torch.randn(shape) * 0.3 / math.sqrt(shape[1]) for name, shape in small.items()}


def _vocabulary() -> dict[str, int]:
    """Every byte as byte-level BPE writes it, then the special tokens."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(str(letter) for letter in ByteLevel.alphabet())
    return {piece: index for index, piece in enumerate([*letters, *SPECIAL])}


def tokenizer_files() -> dict[str, Write]:
    """A tokenizer of single bytes with Qwen3's chat template, by path."""
    words = _vocabulary()
    special = {"eos_token": SPECIAL[2], "pad_token": SPECIAL[0]}
    added = {str(words[token]): {"content": token, "special": True} for token in SPECIAL}
    settings = {"tokenizer_class": "Qwen2Tokenizer", "model_max_length": 4096, "added_tokens_decoder": added, **special}
    return {
        "tokenizer/added_tokens.json": json_file({token: words[token] for token in SPECIAL}),
        "tokenizer/chat_template.jinja": text_file(CHAT_TEMPLATE),
        "tokenizer/merges.txt": text_file("#version: 0.2\n"),
        "tokenizer/special_tokens_map.json": json_file(special),
        "tokenizer/tokenizer_config.json": json_file(settings),
        "tokenizer/vocab.json": json_file({piece: index for piece, index in words.items() if piece not in SPECIAL}),
    }
