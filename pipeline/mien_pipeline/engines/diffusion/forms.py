"""The number formats that a transformer can take here. No torch: `mien plan` reads this as the engines do."""

from collections.abc import Collection
from importlib.util import find_spec

from mien_core.errors import EngineUnavailable
from mien_pipeline.plan.component import NumberFormat

# What a form needs beyond torch and diffusers.
LIBRARIES: dict[NumberFormat, str] = {
    "nf4": "bitsandbytes",
    "int8": "torchao",
    "gguf-q8": "gguf",
    "gguf-q4": "gguf",
}
# What full weights become while they are loaded. A GGUF file is what it is.
FROM_FULL: tuple[NumberFormat, ...] = ("float32", "bfloat16", "float8", "int8", "nf4")


def can_load(form: NumberFormat) -> bool:
    """True when the library that this form needs, if any, is installed."""
    library = LIBRARIES.get(form)
    return library is None or find_spec(library) is not None


def check_libraries(form: NumberFormat, engine: str) -> None:
    """Check that the library of this form, if it needs one, is installed.

    Raises:
        EngineUnavailable: it is not; `libraries` names it.
    """
    if not can_load(form):
        library = LIBRARIES[form]
        raise EngineUnavailable(f"{form} weights need {library}", engine=engine, libraries=[library])


def usable_forms(full: bool, gguf: Collection[NumberFormat], engine: str) -> frozenset[NumberFormat]:
    """The forms that these files can be loaded in with the libraries that are installed.

    Args:
        full: full weights are there, in a folder or in one file.
        gguf: the number formats of the GGUF files that are there.
        engine: its name, for the refusal.

    Raises:
        EngineUnavailable: every form needs a library that is not installed; `libraries` names one.
    """
    forms: list[NumberFormat] = [*gguf, *(FROM_FULL if full else ())]
    usable: frozenset[NumberFormat] = frozenset(form for form in forms if can_load(form))
    if not usable:
        check_libraries(forms[0], engine)
    return usable
