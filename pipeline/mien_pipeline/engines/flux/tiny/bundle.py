"""Writes the bundle and the catalogue that has the model store take it.

What comes out of the engine is noise in the shape of a swap: it proves the way, never the picture.
"""

from pathlib import Path

import torch

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.engines.diffusion.tiny.catalogue import write_catalogue
from mien_pipeline.engines.diffusion.tiny.weights import randomise
from mien_pipeline.engines.diffusion.tiny.write import Write, pickle_file, safetensors_file, sharded_folder
from mien_pipeline.engines.flux.faceid import XlabsAdapter
from mien_pipeline.engines.flux.instantid import Resampler, identity_net
from mien_pipeline.engines.flux.tiny.encoders import encoder_files
from mien_pipeline.engines.flux.tiny.networks import (
    FLUX,
    TEXT_WIDTH,
    WIDTH,
    bisenet_state,
    clip_state,
    eva_state,
    ir_se50,
    pulid_state,
    taef1_files,
    transformer_files,
    withanyone_state,
)
from mien_pipeline.engines.flux.tiny.onnx_files import write_detector, write_recogniser

BUNDLE = "flux-dev"
# Other bases and another adapter, each pulled by its own name.
OPTIONAL = ("flux-1-schnell", "flux-1-fill-dev", "taef1", "xlabs-ip-adapter", "clip-vit-l14")


def make_tiny(folder: Path, seed: int = 0) -> Path:
    """Write the bundle below `folder`, and a catalogue that has the model store take it from there.

    `MIEN_CATALOGUE={folder}/catalogue.toml mien models pull flux-dev` installs it as the real one is installed,
    pickles converted and all.

    Returns:
        The catalogue's path.
    """
    published = load_catalogue({})
    torch.manual_seed(seed)
    return write_catalogue(folder, published, (*published.bundles[BUNDLE], *OPTIONAL), _files())


def _files() -> dict[str, Write]:
    """What writes each file, by `model/path`."""
    blocks = {"num_layers": 4, "num_single_layers": 10}
    control = identity_net(FLUX | blocks)
    return {
        **transformer_files("flux-1-dev-transformer"),
        **transformer_files("flux-1-schnell", guidance_embeds=False),
        **transformer_files("flux-1-fill-dev", in_channels=64 + 64 + 256, out_channels=64),
        **{f"taef1/{path}": write for path, write in taef1_files().items()},
        "xlabs-ip-adapter/ip_adapter.safetensors": safetensors_file(
            randomise(XlabsAdapter(WIDTH, TEXT_WIDTH, 4, 16)).state_dict()
        ),
        "clip-vit-l14/model.safetensors": safetensors_file(clip_state()),
        **sharded_folder(
            "infiniteyou/InfuseNetModel",
            {"_class_name": "FluxControlNetModel", **FLUX, **blocks},
            randomise(control).state_dict(),
            2,
        ),
        **{f"flux-1-dev-parts/{path}": write for path, write in encoder_files().items()},
        "infiniteyou/image_proj_model.bin": pickle_file(
            {"image_proj": randomise(Resampler(64, 4, 1, 96, 8, 512, TEXT_WIDTH)).state_dict()}
        ),
        "pulid-flux/pulid_flux_v0.9.1.safetensors": safetensors_file(pulid_state()),
        "eva-clip/EVA02_CLIP_L_336_psz14_s6B.pt": pickle_file(eva_state()),
        "withanyone/withanyone.safetensors": safetensors_file(withanyone_state()),
        "ir-se50/recognition_arcface_ir_se50.pth": pickle_file(randomise(ir_se50()).state_dict()),
        "face-parsing/parsing_bisenet.pth": pickle_file(bisenet_state()),
        "antelopev2/glintr100.onnx": write_recogniser,
        "antelopev2/scrfd_10g_bnkps.onnx": write_detector,
    }
