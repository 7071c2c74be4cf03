"""The memory plan of the installed files, read from their headers alone."""

from collections.abc import Mapping

from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.weights import shapes_in, shapes_of
from mien_pipeline.engines.flux.components import plan_stack
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.forms import usable_forms
from mien_pipeline.plan.placement import Plan


def plan_memory(files: FluxFiles, device: Device, side: int, host_bytes: int | None = None) -> Plan:
    """The memory plan of the installed files, from their headers alone.

    Args:
        side: of the square working picture, in pixels.
        host_bytes: main memory of a card's machine; None is not checked.

    Raises:
        NotEnoughMemory: no plan fits; `plan` is the smallest one, `would_fit` names what would.
        EngineUnavailable: as `usable_forms` raises it.
    """
    # A single file has its makers' names; it holds FLUX.1 [dev] at published size.
    folder = files.transformer if files.transformer and files.transformer.is_dir() else None
    transformer = shapes_in(folder) if folder else manifest("flux1-dev.transformer")
    shapes: Mapping[str, Shapes] = {
        "transformer": transformer,
        "control_net": shapes_in(files.control_net),
        "pulid_attentions": shapes_of(files.pulid),
        "faceid": shapes_of(files.faceid),
        "text_encoder_2": shapes_in(files.base / "text_encoder_2"),
        "text_encoder": shapes_in(files.base / "text_encoder"),
        "vae": shapes_in(files.base / "vae"),
        "id_former": shapes_of(files.pulid),
        "eva": shapes_of(files.eva),
        "parsing": shapes_of(files.parsing),
        "resampler": shapes_of(files.resampler),
        "ir_se50": shapes_of(files.ir_se50),
    }
    forms = usable_forms(files.transformer is not None, files.gguf)
    return plan_stack(shapes, device.kind, device.total_bytes, forms, side, host_bytes)
