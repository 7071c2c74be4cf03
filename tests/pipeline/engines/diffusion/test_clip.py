"""The CLIP tower is sized from its file, which holds no configuration, and is the published file's image half."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from mien_core.errors import BrokenWeights
from mien_pipeline.engines.diffusion.clip import clip_tower, load_clip
from mien_pipeline.engines.diffusion.manifest import manifest


def test_the_published_file_gives_clip_vit_l14() -> None:
    """24 layers of 16 heads, 224 pixels in patches of 14, an embedding of 768."""
    with torch.device("meta"):
        config = clip_tower(manifest("clip-vit-l14")).config
    assert (config.num_hidden_layers, config.num_attention_heads, config.hidden_size) == (24, 16, 1024)
    assert (config.image_size, config.patch_size, config.projection_dim) == (224, 14, 768)


def test_a_loaded_tower_sees_what_the_tower_that_was_saved_sees(tmp_path: Path) -> None:
    """Position numbers are no part of the file; the text half is ignored."""
    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=1, image_size=28, patch_size=14,
        projection_dim=16,
    )  # fmt: skip
    saved: Any = CLIPVisionModelWithProjection(config).train(False)
    text = {"text_model.embeddings.position_ids": torch.zeros(1, 77), "logit_scale": torch.zeros(1)}
    save_file({**saved.state_dict(), **text}, tmp_path / "model.safetensors")
    pixels = torch.randn(1, 3, 28, 28)
    with torch.no_grad():
        expected, found = saved(pixels).image_embeds, load_clip(tmp_path / "model.safetensors")(pixels).image_embeds
    torch.testing.assert_close(found, expected)


def test_a_file_without_the_image_tower_is_refused_by_its_name(tmp_path: Path) -> None:
    save_file({"text_model.final_layer_norm.weight": torch.zeros(1)}, tmp_path / "text.safetensors")
    with pytest.raises(BrokenWeights, match=r"text\.safetensors"):
        load_clip(tmp_path / "text.safetensors")
