"""The memory plans of cards from 6 to 80 GiB, with what may be installed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
from safetensors.torch import save_file
from torch import Tensor

from mien_pipeline.engines.flux.components import published_components
from mien_pipeline.engines.flux.files import FluxFiles
from mien_pipeline.engines.flux.transformer import load_transformer
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.fit import Hardware, make_plan
from mien_pipeline.plan.placement import GIB, Plan, Residency

CARDS = (6, 8, 10, 12, 16, 20, 24, 32, 48, 80)
FULL: tuple[NumberFormat, ...] = ("float32", "bfloat16", "float8")
# What the transformer can be loaded in. A single file becomes what a folder becomes.
INSTALLS: dict[str, tuple[NumberFormat, ...]] = {
    "dev": FULL,
    "dev, bitsandbytes": (*FULL, "nf4"),
    "single file": FULL,
    "single file, bitsandbytes": (*FULL, "nf4"),
    "8 GB bundle": ("gguf-q4",),
    "8 GB bundle, bitsandbytes": ("gguf-q4",),
}
# Each plan once, by the smallest card that has it; a single file is another way to load, and is run for one of them.
RUN = [
    *(("dev", gib) for gib in (6, 8, 12, 16, 20, 24, 32, 48)),
    ("single file", 20),
    *(("8 GB bundle", gib) for gib in (6, 8, 10, 16, 20, 24)),
]
# Of the published transformer's hidden state.
WIDTH = 3072

Held = tuple[NumberFormat, Residency]
# The transformer, control net and FaceID, PuLID's attentions, T5.
Rung = tuple[Held, Held, Held, Held]


def plan_for(install: str, gib: int) -> Plan:
    """The plan of a card; main memory is not looked at."""
    return make_plan(published_components(), Hardware("discrete", gib * GIB, WIDTH, frozenset(INSTALLS[install])))


def rung_of(plan: Plan) -> Rung:
    """How the large networks are held."""

    def held(name: str) -> Held:
        return plan.of(name).form, plan.of(name).residency

    assert held("control_net") == held("faceid")
    return held("transformer"), held("control_net"), held("pulid_attentions"), held("text_encoder_2")


def installs_of(files: FluxFiles, folder: Path) -> Mapping[str, FluxFiles]:
    """The tiny bundle as it may be installed: with a folder, with one file, or with a GGUF file in 4 bits.

    Their names are diffusers': its reader of the makers' own names knows the published width alone.
    """
    assert files.transformer is not None
    state = load_transformer(files.transformer, "float32").state_dict()
    save_file(state, folder / "flux1-dev.safetensors")
    _write_gguf(folder / "flux1-dev-Q4_0.gguf", state)
    packed: dict[NumberFormat, Path] = {"gguf-q4": folder / "flux1-dev-Q4_0.gguf"}
    return {
        "dev": files,
        "single file": replace(files, transformer=folder / "flux1-dev.safetensors"),
        "8 GB bundle": replace(files, transformer=None, gguf=packed),
    }


def _write_gguf(path: Path, state: Mapping[str, Tensor]) -> None:
    """Q4_0 where a row is whole blocks of 32, as in the published file; what is not stays in float32."""
    writer: Any = gguf.GGUFWriter(path, "flux")
    kind: Any = gguf.GGMLQuantizationType.Q4_0
    pack: Any = gguf.quants.quantize
    for name, value in state.items():
        if value.ndim == 2 and value.shape[1] % 32 == 0:
            writer.add_tensor(name, pack(value.numpy(), kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, value.numpy())
    for end in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, end)()


def row_of(install: str, gib: int) -> str:
    """A line of the README's table: formats, residencies, and GiB on the card and in main memory."""
    plan = plan_for(install, gib)
    held = " | ".join(f"{form} {residency}" for form, residency in rung_of(plan))
    host = [replace(plan, pinned=pinned).host_peak_bytes / GIB for pinned in (True, False)]
    return f"| {gib} | {held} | {plan.peak_bytes / GIB:.1f} | {host[0]:.1f} / {host[1]:.1f} |"
