"""The networks of the GAN engines, each to be tried alone."""

from collections.abc import Sequence

import numpy as np

from mien_pipeline.engines.onnx.inswapper import (
    MODEL,
    RECOGNISER_FILE,
    RECOGNISER_PX,
    SWAPPER_FILE,
    SWAPPER_PX,
    InswapperEngine,
    load_network,
    read_identity_map,
)
from mien_pipeline.engines.onnx.options import InswapperOptions
from mien_pipeline.engines.probe import Probe, Tried
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import align
from mien_pipeline.progress import ignore_step
from mien_pipeline.protocols import Weights


def list_probes(weights: Weights) -> Sequence[Probe]:
    """The recogniser alone, the generator alone, and both together as a swap has them."""

    def recognise(portrait: Portrait) -> Tried:
        network = load_network(weights.path(MODEL, RECOGNISER_FILE), inputs=1)
        crop = align(portrait.image.pixels, portrait.face.kps, RECOGNISER_PX).crop
        blob = (crop.transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 127.5
        return Tried(network.run(None, {network.get_inputs()[0].name: blob}))

    def generate(portrait: Portrait) -> Tried:
        path = weights.path(MODEL, SWAPPER_FILE)
        network, latent = load_network(path, inputs=2), read_identity_map(path)[:1]
        crop = align(portrait.image.pixels, portrait.face.kps, SWAPPER_PX).crop
        picture, identity = (each.name for each in network.get_inputs())
        blob = np.asarray(crop.transpose(2, 0, 1)[None] / 255, np.float32)
        return Tried(
            network.run(None, {picture: blob, identity: np.asarray(latent / np.linalg.norm(latent), np.float32)})
        )

    def swap(portrait: Portrait) -> Tried:
        engine = InswapperEngine(weights.path(MODEL, SWAPPER_FILE), weights.path(MODEL, RECOGNISER_FILE))
        likeness = engine.prepare([portrait])
        patch = likeness.render(portrait.image, portrait.face, InswapperOptions(), ignore_step)
        return Tried([likeness.latent, np.asarray(patch.crop, np.float32)])

    return (
        Probe("recogniser", (MODEL,), recognise),
        Probe("generator", (MODEL,), generate),
        Probe("both together", (MODEL,), swap),
    )
