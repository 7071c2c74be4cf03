"""CLIP ViT-L/14's image tower, through transformers: it makes the embedding that XLabs' adapter reads.

Source: Radford et al. 2021 (arXiv:2103.00020). The published file holds no configuration: sizes come from shapes.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from mien_pipeline.engines.diffusion.foreign import foreign_to
from mien_pipeline.engines.diffusion.manifest import Shapes
from mien_pipeline.engines.diffusion.weights import depth, load

# Heads are 64 wide in every CLIP.
HEAD_DIM = 64


def clip_tower(shapes: Shapes) -> CLIPVisionModelWithProjection:
    """The tower without weights, in the size that a file's shapes give."""
    dim, _, patch, _ = shapes["vision_model.embeddings.patch_embedding.weight"]
    places = shapes["vision_model.embeddings.position_embedding.weight"][0]
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=dim,
            intermediate_size=shapes["vision_model.encoder.layers.0.mlp.fc1.weight"][0],
            num_hidden_layers=depth(shapes, "vision_model.encoder.layers."),
            num_attention_heads=dim // HEAD_DIM,
            image_size=round((places - 1) ** 0.5) * patch,
            patch_size=patch,
            projection_dim=shapes["visual_projection.weight"][0],
        )
    )


def load_clip(path: Path) -> Any:
    """The tower in main memory, float32: it runs once for each reference.

    Raises:
        BrokenWeights: the file does not hold this tower.
    """
    tower: Any = load(clip_tower, path, ignored=foreign_to("clip"), form="float32")
    embeddings = tower.vision_model.embeddings
    # The file has no such value, so it was left on the meta device.
    embeddings.position_ids = torch.arange(embeddings.num_positions)[None]
    return tower
