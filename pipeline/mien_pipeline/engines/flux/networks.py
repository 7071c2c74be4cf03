"""The networks of the stack, as `mien engines check` tries them: which there are, and how each is held."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from mien_core.errors import BrokenWeights, EngineUnavailable, NotEnoughMemory
from mien_models.store import ModelStore
from mien_pipeline.device import choose_device, installed_memory
from mien_pipeline.engines.diffusion.forms import FROM_FULL, usable_forms
from mien_pipeline.engines.diffusion.installed import is_available
from mien_pipeline.engines.diffusion.manifest import Shapes, manifest
from mien_pipeline.engines.flux import trials
from mien_pipeline.engines.flux.components import NETWORKS, plan_stack
from mien_pipeline.engines.flux.files import (
    FULL,
    GGUF,
    OTHER_BASES,
    SINGLE,
    TINY_VAE,
    XLABS,
    Base,
    FluxFiles,
    locate,
)
from mien_pipeline.engines.flux.plan import read_shapes
from mien_pipeline.engines.flux.trials import Bench
from mien_pipeline.engines.probe import Probe, Tried
from mien_pipeline.face import Portrait
from mien_pipeline.plan.component import NumberFormat
from mien_pipeline.plan.placement import DEFAULT_SIDE


def list_probes(store: ModelStore) -> Sequence[Probe]:
    """Every network that is installed, or would be needed."""
    bench = make_bench(store)
    faceid = ("withanyone",) if bench.files.faceid_layout == "withanyone" else XLABS
    own: list[tuple[str, tuple[str, ...], Callable[[Bench], Tried]]] = [
        ("parsing", ("face-parsing",), trials.try_parsing),
        ("ir_se50", ("ir-se50",), trials.try_ir_se50),
        ("resampler", ("infiniteyou",), trials.try_resampler),
        ("eva", ("eva-clip",), trials.try_eva),
        ("id_former", ("pulid-flux",), trials.try_id_former),
        ("text_encoder", ("flux-1-dev-parts",), trials.try_clip_text),
        ("text_encoder_2", ("flux-1-dev-parts",), trials.try_t5),
        ("vae", ("flux-1-dev-parts",), trials.try_vae),
        ("control_net", ("infiniteyou",), trials.try_control_net),
        ("pulid_attentions", ("pulid-flux",), trials.try_pulid),
        ("faceid", faceid, trials.try_faceid),
    ]
    found = [Probe(name, models, _bound(run, bench), bench.needed(name)) for name, models, run in own]
    found.append(Probe("arcface", ("antelopev2",), lambda portrait: trials.try_arcface(bench, portrait)))
    found.append(Probe("scrfd", ("antelopev2",), lambda portrait: trials.try_scrfd(bench, portrait)))
    if is_available(store, TINY_VAE):
        found.append(Probe("tiny vae", (TINY_VAE,), _bound(trials.try_tiny_vae, bench)))
    return [*found, *_transformers(bench)]


def _bound(run: Callable[[Bench], Tried], bench: Bench) -> Callable[[Portrait], Tried]:
    return lambda _portrait: run(bench)


def _transformers(bench: Bench) -> Iterator[Probe]:
    """One probe for every transformer that is installed; for the published folder where none is."""

    def probe(name: str, model: str, base: Base, form: NumberFormat, files: FluxFiles) -> Probe:
        other = bench.holding(form, files)
        return Probe(name, (model,), lambda _portrait: trials.try_transformer(other, base), other.needed("transformer"))

    files, planned = bench.files, bench.plan.of("transformer").form
    form: NumberFormat = planned if planned in FROM_FULL else "bfloat16"
    single = files.transformer is not None and files.transformer.is_file()
    if files.transformer or not files.gguf:
        yield probe("transformer", SINGLE if single else FULL, "dev", form, replace(files, gguf={}))
    for model, packed in GGUF.items():
        if packed in files.gguf:
            yield probe(f"transformer ({packed})", model, "dev", packed, replace(files, transformer=None))
    for base, model in OTHER_BASES.items():
        if is_available(bench.store, model):
            yield probe(f"transformer ({base})", model, base, form, files)


def make_bench(store: ModelStore) -> Bench:
    """The installed files on this machine's best device, held as the engine's own plan says, where there is one.

    A file whose header cannot be read is planned for at its published size: what is wrong is said where it is tried.
    """
    files, device = locate(store), choose_device()
    shapes: Mapping[str, Shapes] = {name: _shapes_or_published(name, files) for name in NETWORKS}
    try:
        forms = usable_forms(files.transformer is not None, files.gguf, "flux")
    except EngineUnavailable:
        forms = usable_forms(full=True, gguf=(), engine="flux")
    try:
        plan = plan_stack(shapes, device.kind, device.total_bytes, forms, DEFAULT_SIDE, installed_memory())
        return Bench(store, files, device, plan, asks_memory=False)
    except NotEnoughMemory:
        plan = plan_stack(shapes, device.kind, 1 << 50, forms - {"float32"} or forms, DEFAULT_SIDE)
        return Bench(store, files, device, plan, asks_memory=True)


def _shapes_or_published(name: str, files: FluxFiles) -> Shapes:
    try:
        return read_shapes(name, files)
    except (BrokenWeights, OSError):
        return manifest(NETWORKS[name][2])
