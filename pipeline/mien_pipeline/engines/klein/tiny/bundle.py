"""Writes the bundle and the catalogue that has the model store take it.

What comes out of the engine is noise in the shape of a swap: it proves the way, never the picture.
"""

from pathlib import Path

import torch

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.engines.diffusion.tiny.catalogue import write_catalogue
from mien_pipeline.engines.diffusion.tiny.write import Write, safetensors_file
from mien_pipeline.engines.klein.tiny.networks import lora_state, text_files, transformer_files, vae_files

BUNDLE = "klein"


def make_tiny(folder: Path, seed: int = 0) -> Path:
    """Write the bundle below `folder`, and a catalogue that has the model store take it from there.

    `MIEN_CATALOGUE={folder}/catalogue.toml mien models pull klein` installs it as the real one is installed.

    Returns:
        The catalogue's path.
    """
    published = load_catalogue({})
    torch.manual_seed(seed)
    return write_catalogue(folder, published, published.bundles[BUNDLE], _files())


def _files() -> dict[str, Write]:
    """What writes each file, by `model/path`."""
    parts = {
        "flux-2-klein-4b-transformer": transformer_files(),
        "flux-2-klein-4b-text": text_files(),
        "flux-2-klein-4b-vae": vae_files(),
        "bfs-head-klein-4b": {"bfs_head_v1.1_optional_flux-klein_4b.safetensors": safetensors_file(lora_state())},
    }
    return {f"{model}/{path}": write for model, files in parts.items() for path, write in files.items()}
