"""The tiny bundle's files hold every name of the published ones, and no other name."""

from pathlib import Path

import pytest

from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.manifest import manifest
from mien_pipeline.engines.diffusion.weights import shapes_in, shapes_of

# (manifest, model, folder or file in it, what the published file puts before the names)
FILES = [
    ("flux1-dev.transformer", "flux-1-dev-transformer", "transformer", ""),
    ("flux1-schnell.transformer", "flux-1-schnell", "transformer", ""),
    ("flux1-fill-dev.transformer", "flux-1-fill-dev", "transformer", ""),
    ("flux1.vae", "flux-1-dev-parts", "vae", ""),
    ("flux1.text-encoder", "flux-1-dev-parts", "text_encoder", "text_model."),
    ("flux1.text-encoder-2", "flux-1-dev-parts", "text_encoder_2", ""),
    ("taef1", "taef1", "", ""),
    ("infiniteyou.infusenet", "infiniteyou", "InfuseNetModel", ""),
    ("infiniteyou.image-proj", "infiniteyou", "image_proj_model.safetensors", ""),
    ("pulid-flux", "pulid-flux", "", ""),
    ("eva02-clip-l-336", "eva-clip", "", ""),
    ("withanyone", "withanyone", "", ""),
    ("arcface-ir-se50", "ir-se50", "", ""),
    ("bisenet", "face-parsing", "", ""),
    ("clip-vit-l14", "clip-vit-l14", "", ""),
    ("xlabs-ip-adapter-v1", "xlabs-ip-adapter", "", ""),
]


def names_in(path: Path) -> set[str]:
    return set(shapes_in(path) if path.is_dir() else shapes_of(path))


@pytest.mark.parametrize(("published", "model", "inside", "prefix"), FILES, ids=[file[0] for file in FILES])
def test_a_file_of_the_tiny_bundle_has_the_published_names(
    with_options: ModelStore, published: str, model: str, inside: str, prefix: str
) -> None:
    # The T5 encoder's embedding has two names in a module, and one in the published shards.
    wanted = {f"{prefix}{name}" for name in manifest(published)} - {"encoder.embed_tokens.weight"}
    assert names_in(with_options.path(model) / inside) == wanted


def test_every_weight_file_of_the_bundle_is_compared(with_options: ModelStore) -> None:
    """ONNX files have no names to compare: InsightFace's own code reads them by their inputs."""
    installed = {
        model.name
        for model in with_options.states()
        if model.state == "ready" and any(file.name.endswith(".safetensors") for file in model.files)
    }
    assert installed == {model for _, model, _, _ in FILES}
