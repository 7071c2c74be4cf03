"""The memory plan of the installed files, read from their headers alone."""

from mien_core.errors import EngineUnavailable
from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.forms import usable_forms
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.weights import shapes_in, shapes_of
from mien_pipeline.engines.flux.components import NETWORKS, plan_stack
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import Plan


def read_shapes(name: str, files: FluxFiles) -> Shapes:
    """Names and shapes in the file or folder that a network of `NETWORKS` is read from.

    Raises:
        BrokenWeights: it cannot be read.
    """
    if name == "transformer":
        # A single file has its makers' names; it holds FLUX.1 [dev] at published size.
        folder = files.transformer if files.transformer and files.transformer.is_dir() else None
        return shapes_in(folder) if folder else manifest("flux1-dev.transformer")
    path = {
        "control_net": files.control_net,
        "pulid_attentions": files.pulid,
        "id_former": files.pulid,
        "faceid": files.faceid,
        "eva": files.eva,
        "parsing": files.parsing,
        "resampler": files.resampler,
        "ir_se50": files.ir_se50,
    }.get(name, files.base / name)
    return shapes_of(path) if path.suffix else shapes_in(path)


def plan_memory(
    files: FluxFiles, device: Device, side: int, host_bytes: int | None = None, form: NumberFormat | None = None
) -> Plan:
    """The memory plan of the installed files, from their headers alone.

    Args:
        side: of the square working picture, in pixels.
        host_bytes: main memory of a card's machine; None is not checked.
        form: the only one that the transformer may have; None is any that the files can take.

    Raises:
        NotEnoughMemory: no plan fits; `plan` is the smallest one, `would_fit` names what would.
        EngineUnavailable: as `usable_forms` raises it, or `form` is none of them.
    """
    shapes = {name: read_shapes(name, files) for name in NETWORKS}
    forms = usable_forms(files.transformer is not None, files.gguf, "flux")
    if form and form not in forms:
        raise EngineUnavailable(f"the transformer cannot be loaded as {form} from these files", engine="flux")
    allowed: frozenset[NumberFormat] = frozenset([form]) if form else forms
    return plan_stack(shapes, device.kind, device.total_bytes, allowed, side, host_bytes)
