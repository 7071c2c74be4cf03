"""The number formats that FLUX.1's transformer can take here. No torch: `mien plan` reads this as the engine does."""

from mien_models.store import ModelStore
from mien_pipeline.engines.diffusion.forms import usable_forms
from mien_pipeline.engines.diffusion.installed import is_available
from mien_pipeline.engines.flux.files import FULL, GGUF, SINGLE
from mien_pipeline.plan.component import NumberFormat


def forms_of(store: ModelStore) -> frozenset[NumberFormat]:
    """The forms that the installed files can take; where there is none, those that the published files could.

    Raises:
        EngineUnavailable: as `usable_forms` raises it.
    """
    full = is_available(store, FULL) or is_available(store, SINGLE)
    gguf: list[NumberFormat] = [form for model, form in GGUF.items() if is_available(store, model)]
    return (
        usable_forms(full, gguf, "flux")
        if full or gguf
        else usable_forms(full=True, gguf=list(GGUF.values()), engine="flux")
    )
