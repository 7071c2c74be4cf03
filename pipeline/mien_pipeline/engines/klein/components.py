"""The networks of FLUX.2 [klein] 4B as the memory plan sees them, and the ways to hold them. No torch here."""

from collections.abc import Collection, Iterator, Mapping

from mien_core.errors import EngineUnavailable, NotEnoughMemory
from mien_pipeline.engines.diffusion.forms import FROM_FULL
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.plan.component import Component, NumberFormat, Phase, component
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.ladder import Ladder, Rung
from mien_pipeline.plan.placement import TEXT_TOKENS, DeviceKind, Plan, Residency, Workload

# name → (when it works, published file); `LORA` joins the transformer where its weights come packed.
NETWORKS: dict[str, tuple[Phase, str]] = {
    "transformer": ("sampling", "flux2-klein-4b.transformer"),
    "text_encoder": ("text", "qwen3-4b"),
    "vae": ("picture", "flux2.vae"),
}
LORA = "lora"
# The transformer reads the hidden states 9, 18 and 27. With 27 layers the model's last norm would fall on the state
# that is read; with one layer more it falls on a state that nothing reads.
TEXT_LAYERS = 28
# Tokens, 16 pixels wide and high, of all pictures of the reference that a walk reads: one of 1024 px, or four of 512.
MOST_CONTEXT = (1024 // 16) ** 2
# In a single block: the state and its norm (2), the projection of query, key, value and the gated MLP (3 + 6), query
# and key in float32 for the rotation (4), attention, the MLP's gate (3) and its output (3).
HIDDEN_UNITS = 22
# Parameters of a transformer that a processor takes minutes for a step of; a tiny one is run everywhere.
TOO_LARGE_FOR_A_PROCESSOR = 1 << 28

Held = tuple[NumberFormat, Residency]


def _rungs(*cores: Held) -> tuple[Rung, ...]:
    """The LoRA beside a packed transformer is bfloat16, and where the transformer is."""
    return tuple(Rung(core, ("bfloat16", core[1])) for core in cores)


# From the fastest to the smallest. On demand the transformer comes to the card for the steps of one picture and makes
# room for the VAE. Apple's GPUs have no float8.
RUNGS: Mapping[DeviceKind, tuple[Rung, ...]] = {
    "discrete": _rungs(
        ("bfloat16", "resident"),
        ("bfloat16", "on-demand"),
        ("gguf-q8", "resident"),
        ("float8", "resident"),
        ("gguf-q8", "on-demand"),
        ("float8", "on-demand"),
        ("gguf-q4", "resident"),
        ("gguf-q4", "on-demand"),
        ("gguf-q8", "streamed"),
        ("float8", "streamed"),
        ("gguf-q4", "streamed"),
    ),
    "unified": _rungs(("bfloat16", "resident"), ("gguf-q8", "resident"), ("gguf-q4", "resident")),
    "cpu": _rungs(
        ("float32", "resident"),
        ("bfloat16", "resident"),
        ("float8", "resident"),
        ("gguf-q8", "resident"),
        ("gguf-q4", "resident"),
    ),
}
TEXTS: Mapping[DeviceKind, tuple[Held, ...]] = {
    "discrete": (("bfloat16", "on-demand"), ("bfloat16", "streamed")),
    "unified": (("bfloat16", "on-demand"), ("bfloat16", "streamed")),
    "cpu": (("float32", "on-demand"), ("bfloat16", "on-demand")),
}


WORKLOAD = Workload(2, TEXT_TOKENS + MOST_CONTEXT, HIDDEN_UNITS, text_alone=True)
# The VAE works on the whole picture: tiles of it shift colours.
LADDER = Ladder(RUNGS, TEXTS, (False,), WORKLOAD)


def most_pictures(side: int) -> int:
    """How many squares of the reference, so many pixels wide, a walk reads at most: what the memory plan counts."""
    return max(1, MOST_CONTEXT // (side // 16) ** 2)


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
        shapes: of every tensor of each network of `NETWORKS`, and of `LORA` where it is kept beside the transformer.
        kind, total_bytes: what computes, and its memory.
        forms: that the transformer can be loaded in.
        side: of the square working picture, in pixels.
        host_bytes: main memory of a card's machine; None is not checked.

    Raises:
        EngineUnavailable: a processor would take minutes for each step; `reason` is "processor".
        NotEnoughMemory: no plan fits; `plan` is the smallest one, `would_fit` names what would.
    """
    sized = components(shapes)
    if kind == "cpu":
        check_processor(sized[0])
    width = shapes["transformer"]["x_embedder.weight"][0]
    return make_plan(sized, Hardware(kind, total_bytes, width, frozenset(forms), host_bytes), side, LADDER)


def plan_installed(
    shapes: Mapping[str, Shapes],
    kind: DeviceKind,
    total_bytes: int,
    side: int,
    host_bytes: int | None = None,
    *,
    full: bool,
    packed: Collection[NumberFormat],
) -> Plan:
    """The memory plan of what is installed: of full weights, into which the LoRA is merged; else of packed ones.

    Args:
        shapes: of every tensor of each network of `NETWORKS` and of `LORA`.
        kind, total_bytes, side, host_bytes: as `plan_stack` has them.
        full: full weights are there.
        packed: the number formats of the packed files that are there.

    Raises:
        EngineUnavailable, NotEnoughMemory: as `plan_stack` raises them.
    """
    merged = {name: shapes[name] for name in NETWORKS}
    if full:
        try:
            return plan_stack(merged, kind, total_bytes, FROM_FULL, side, host_bytes)
        except NotEnoughMemory:
            if not packed:
                raise
    return plan_stack(shapes, kind, total_bytes, packed, side, host_bytes)


def check_processor(transformer: Component) -> None:
    """Return for a transformer that a processor can run.

    Raises:
        EngineUnavailable: each step would take minutes; `reason` is "processor".
    """
    if transformer.wide > TOO_LARGE_FOR_A_PROCESSOR:
        raise EngineUnavailable(
            "klein needs a graphics card: a processor takes minutes for each of its steps",
            engine="klein",
            reason="processor",
        )


def published_shapes() -> dict[str, Shapes]:
    """Names and shapes in every published file, by the network that is read from it; without the LoRA."""
    return {name: manifest(row[1]) for name, row in NETWORKS.items()}


def components(shapes: Mapping[str, Shapes]) -> tuple[Component, ...]:
    """The networks whose tensors are given; the transformer first."""
    return tuple(_components(shapes))


def _components(shapes: Mapping[str, Shapes]) -> Iterator[Component]:
    yield component("transformer", "sampling", shapes["transformer"], keeps=is_outside_blocks)
    if LORA in shapes:
        yield component(LORA, "sampling", shapes[LORA], LORA)
    yield component("text_encoder", "text", read_of_text(shapes["text_encoder"]))
    yield component("vae", "picture", shapes["vae"])


def is_outside_blocks(name: str) -> bool:
    """What the makers' own float8 file leaves in bfloat16: embedders, modulations, the last layers, 195.0 M values."""
    return "blocks." not in name


def read_of_text(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """The tensors of the text encoder that are loaded: its first `TEXT_LAYERS` layers, and what is not in a layer."""
    return {name: shape for name, shape in shapes.items() if _layer_of(name) < TEXT_LAYERS}


def _layer_of(name: str) -> int:
    _, found, rest = name.partition("layers.")
    return int(rest.split(".", 1)[0]) if found else -1
