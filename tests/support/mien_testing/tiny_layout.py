"""The tiny bundle as a layout whose values are holes."""

from mien_pipeline.engines.diffusion.weights import config_of, shapes_in, shapes_of
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.measure.files import Layout


def tiny_layout(files: FluxFiles) -> Layout:
    assert files.transformer is not None
    folders = {"transformer": files.transformer, "control_net": files.control_net}
    folders |= {name: files.base / name for name in ("text_encoder", "text_encoder_2", "vae")}
    alone = ("resampler", "ir_se50", "pulid", "eva", "parsing", "faceid")
    shapes = {name: shapes_in(path) for name, path in folders.items()}
    shapes |= {name: shapes_of(getattr(files, name)) for name in alone}
    return Layout(shapes, {name: config_of(path) for name, path in folders.items()})
