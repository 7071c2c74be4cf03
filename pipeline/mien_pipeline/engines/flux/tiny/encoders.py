"""The text encoders, the tokenizers and the VAE: what every base shares."""

from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from mien_pipeline.engines.diffusion.tiny.weights import add_prefix, randomise
from mien_pipeline.engines.diffusion.tiny.write import Write, json_file, safetensors_file, shard_files, text_file
from mien_pipeline.engines.flux.tiny.networks import POOLED, TEXT_WIDTH, VAE


def encoder_files() -> dict[str, Write]:
    """What writes each file of `flux-1-dev-parts`, by its path."""
    return {
        "model_index.json": json_file({"_class_name": "FluxPipeline"}),
        "scheduler/scheduler_config.json": json_file({"_class_name": "FlowMatchEulerDiscreteScheduler"}),
        **_clip_files(),
        **_t5_files(),
        **_vae_files(),
    }


def _clip_files() -> dict[str, Write]:
    words = _clip_vocabulary()
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=POOLED, intermediate_size=32, num_hidden_layers=12, num_attention_heads=2,
        bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=len(words) - 1,
    )  # fmt: skip
    specials = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
    return {
        "text_encoder/config.json": json_file(config.to_dict() | {"architectures": ["CLIPTextModel"]}),
        # Published files put the tower's name in front.
        "text_encoder/model.safetensors": safetensors_file(add_prefix("text_model.", randomise(CLIPTextModel(config)))),
        "tokenizer/vocab.json": json_file(words),
        "tokenizer/merges.txt": text_file("#version: 0.2\n"),
        "tokenizer/special_tokens_map.json": json_file(specials),
        "tokenizer/tokenizer_config.json": json_file(
            {
                "tokenizer_class": "CLIPTokenizer",
                **specials,
                "unk_token": "<|endoftext|>",
                "pad_token": "<|endoftext|>",
            }
        ),
    }


def _t5_files() -> dict[str, Write]:
    pieces = _t5_pieces()
    config = T5Config(
        vocab_size=len(pieces), d_model=TEXT_WIDTH, d_kv=12, d_ff=32, num_layers=24, num_heads=2,
        feed_forward_proj="gated-gelu", is_encoder_decoder=False,
    )  # fmt: skip
    state = {
        name: value
        for name, value in randomise(T5EncoderModel(config)).state_dict().items()
        if name != "encoder.embed_tokens.weight"
    }
    specials = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return {
        "text_encoder_2/config.json": json_file(config.to_dict() | {"architectures": ["T5EncoderModel"]}),
        **shard_files("text_encoder_2", "model", state, 2),
        "tokenizer_2/tokenizer.json": text_file(_t5_tokenizer(pieces)),
        "tokenizer_2/special_tokens_map.json": json_file(specials),
        "tokenizer_2/tokenizer_config.json": json_file({"tokenizer_class": "T5Tokenizer", **specials, "extra_ids": 0}),
    }


def _vae_files() -> dict[str, Write]:
    vae: Any = AutoencoderKL(**VAE)
    return {
        "vae/config.json": json_file({"_class_name": "AutoencoderKL", **VAE}),
        "vae/diffusion_pytorch_model.safetensors": safetensors_file(randomise(vae).state_dict()),
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
