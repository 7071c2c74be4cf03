"""The networks of the stack as the memory plan sees them, from published shapes or from installed files."""

from collections.abc import Collection, Mapping

from mien_pipeline.engines.diffusion.foreign import own_shapes
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.plan.component import Component, NumberFormat, Phase, component
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import DeviceKind, Plan

# name → (when it works, identity method, published file, prefix of its names there)
NETWORKS: dict[str, tuple[Phase, str, str, str]] = {
    "transformer": ("sampling", "", "flux1-dev.transformer", ""),
    "control_net": ("sampling", "instantid", "infiniteyou.infusenet", ""),
    "pulid_attentions": ("sampling", "pulid", "pulid-flux", "pulid_ca."),
    "faceid": ("sampling", "faceid", "withanyone", ""),
    "text_encoder_2": ("text", "", "flux1.text-encoder-2", ""),
    "text_encoder": ("text", "", "flux1.text-encoder", ""),
    "vae": ("picture", "", "flux1.vae", ""),
    "id_former": ("identity", "pulid", "pulid-flux", "pulid_encoder."),
    "eva": ("identity", "pulid", "eva02-clip-l-336", "visual."),
    "parsing": ("identity", "", "bisenet", ""),
    "resampler": ("identity", "instantid", "infiniteyou.image-proj", "image_proj."),
    "ir_se50": ("identity", "instantid", "arcface-ir-se50", ""),
}
# As their authors run them: facexlib, which PuLID and InfiniteYou take both from, casts neither. They are 0.2 GiB
# together, and a rounded embedding or a class that flips at an edge would stay in every step.
IN_FLOAT32 = frozenset({"parsing", "ir_se50"})


def plan_stack(
    shapes: Mapping[str, Shapes],
    kind: DeviceKind,
    total_bytes: int,
    forms: Collection[NumberFormat],
    side: int,
    host_bytes: int | None = None,
) -> Plan:
    """The memory plan of the stack; the engine's own, and the one that `mien plan` shows.

    Args:
        shapes: of every tensor in the file of each network of `NETWORKS`.
        kind, total_bytes: what computes, and its memory.
        forms: that the transformer can be loaded in.
        side: of the square working picture, in pixels.
        host_bytes: main memory of a card's machine; None is not checked.

    Raises:
        NotEnoughMemory: no plan fits; `plan` is the smallest one, `would_fit` names what would.
    """
    width = shapes["transformer"]["x_embedder.weight"][0]
    return make_plan(components(shapes), Hardware(kind, total_bytes, width, frozenset(forms), host_bytes), side)


def published_shapes() -> dict[str, Shapes]:
    """Names and shapes in every published file, by the network that is read from it."""
    return {name: manifest(row[2]) for name, row in NETWORKS.items()}


def published_components() -> tuple[Component, ...]:
    """Every network at the size it was published in."""
    return components(published_shapes())


def components(shapes: Mapping[str, Shapes]) -> tuple[Component, ...]:
    """The networks whose tensors are given, each by its whole file's shapes."""
    return tuple(
        component(
            name,
            phase,
            {
                key: shape
                for key, shape in own_shapes(name, shapes[name]).items()
                if key.startswith(prefix) and not _is_tied_copy(key)
            },
            part,
            exact=name in IN_FLOAT32,
        )
        for name, (phase, part, _, prefix) in NETWORKS.items()
        if name in shapes
    )


def _is_tied_copy(name: str) -> bool:
    # T5's embedding has a second name.
    return name == "encoder.embed_tokens.weight"
