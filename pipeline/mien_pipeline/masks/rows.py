"""The networks of the catalogue's table of masks, by name. Nothing heavy is imported to know them."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from mien_core.errors import EngineUnavailable, InvalidOptions
from mien_models.store import ModelStore
from mien_pipeline.row_state import describe_row

if TYPE_CHECKING:
    from mien_pipeline.masks.network import MaskReader


def require_installed(store: ModelStore, names: Iterable[str]) -> None:
    """Return if there are masks of these names, and their files may be used.

    Raises:
        InvalidOptions: `field` is "masks", `known` are those there are.
        ModelNotInstalled, LicenceNotAccepted: `model` names what is missing, or whose words are not accepted.
    """
    rows = store.catalogue.masks
    for name in names:
        if name not in rows:
            raise InvalidOptions(f"there is no mask called {name!r}", field="masks", known=list(rows))
        store.path(rows[name].network.model, rows[name].network.file)


def open_readers(store: ModelStore, names: Iterable[str]) -> "Sequence[MaskReader]":
    """The networks of these names, loaded.

    Raises:
        InvalidOptions, ModelNotInstalled, LicenceNotAccepted: as `require_installed`.
        EngineUnavailable: ONNX Runtime is not installed.
        ImportRefused: a file is no network, or another than its row says.
    """
    names = tuple(dict.fromkeys(names))
    require_installed(store, names)
    if not names:
        return ()
    if find_spec("onnxruntime") is None:
        raise EngineUnavailable(f"{names[0]} needs onnxruntime", libraries=["onnxruntime"])
    reader = import_module("mien_pipeline.masks.network").MaskReader
    return [cast("MaskReader", reader(store, store.catalogue.masks[name])) for name in names]


def describe_masks(store: ModelStore) -> list[dict[str, object]]:
    """What the command line and the API say of each mask: ready or not, what it lacks, its licence."""
    return [describe_row(store, name, row.summary, row.network) for name, row in store.catalogue.masks.items()]
