"""The memory plan of the installed files, read from their headers alone."""

from mien_pipeline.device import Device
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.diffusion.weights import shapes_in, shapes_of
from mien_pipeline.engines.klein.components import LORA, NETWORKS, plan_installed
from mien_pipeline.engines.klein.files import KleinFiles, forms_of
from mien_pipeline.plan.placement import Plan


def read_shapes(name: str, files: KleinFiles) -> Shapes:
    """Names and shapes of a network of `NETWORKS`, as diffusers or transformers name them.

    Raises:
        BrokenWeights: its files cannot be read.
    """
    if name == "transformer":
        # A single file has its makers' names; it holds the transformer at published size.
        folder = files.transformer if files.transformer and files.transformer.is_dir() else None
        return shapes_in(folder) if folder else manifest(NETWORKS[name][1])
    return shapes_in({"text_encoder": files.text / "text_encoder", "vae": files.vae / "vae"}[name])


def plan_memory(files: KleinFiles, device: Device, side: int, host_bytes: int | None = None) -> Plan:
    """The memory plan of the installed files.

    Args:
        side: of the square working picture, in pixels.
        host_bytes: main memory of a card's machine; None is not checked.

    Raises:
        NotEnoughMemory: no plan fits; `plan` is the smallest one, `would_fit` names what would.
        EngineUnavailable: a processor would take minutes for each step, or every form needs a library.
    """
    shapes = {name: read_shapes(name, files) for name in NETWORKS}
    forms = forms_of(files)
    return plan_installed(
        {**shapes, LORA: _read_lora(files)},
        device.kind,
        device.total_bytes,
        side,
        host_bytes,
        full=files.transformer is not None,
        packed=forms & files.packed.keys(),
    )


def _read_lora(files: KleinFiles) -> Shapes:
    """Names and shapes of the LoRA, which is kept beside packed weights."""
    return shapes_of(files.lora) if files.lora.is_file() else manifest("bfs-head-klein-4b")
