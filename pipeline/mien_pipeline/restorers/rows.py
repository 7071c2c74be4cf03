"""The restorers that the catalogue's table of enhancers has, beside Vivid."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from mien_core.errors import EngineUnavailable, InvalidOptions
from mien_models.store import ModelStore
from mien_pipeline.restorers.registry import RESTORERS
from mien_pipeline.row_state import describe_row

if TYPE_CHECKING:
    from mien_pipeline.protocols import FaceEmbedder, Restorer

VIVID = "vivid"


def list_names(store: ModelStore) -> list[str]:
    """Every restorer that can be asked for, Vivid first."""
    return [*RESTORERS, *(name for name in store.catalogue.enhancers if name not in RESTORERS)]


def require_known(store: ModelStore, name: str) -> None:
    """Return if there is a restorer of that name.

    Raises:
        InvalidOptions: `field` is "restorer", `known` are those there are.
    """
    if name not in (known := list_names(store)):
        raise InvalidOptions(f"there is no restorer called {name!r}", field="restorer", known=known)


def require_installed(store: ModelStore, name: str) -> None:
    """Return if a restorer may be used: what it is made of is here, and its terms are accepted.

    Raises:
        InvalidOptions: as `require_known`.
        ModelNotInstalled, LicenceNotAccepted: `model` names what is missing, or whose words are not accepted.
    """
    require_known(store, name)
    if name not in RESTORERS:
        network = store.catalogue.enhancers[name].network
        store.path(network.model, network.file)


def open_row(store: ModelStore, name: str, fidelity: float, embedder: "FaceEmbedder") -> "Restorer":
    """An enhancer of the table.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: as `require_installed`.
        EngineUnavailable: ONNX Runtime is not installed.
    """
    require_installed(store, name)
    if find_spec("onnxruntime") is None:
        raise EngineUnavailable(f"{name} needs onnxruntime", engine=name, libraries=["onnxruntime"])
    row = store.catalogue.enhancers[name]
    load = import_module("mien_pipeline.restorers.enhancer").load
    return cast("Restorer", load(store, name, row, fidelity, embedder))


def describe_rows(store: ModelStore) -> list[dict[str, object]]:
    """What the command line and the API say of each restorer: ready or not, what it lacks, its licence."""
    told: list[dict[str, object]] = [
        {"name": entry.name, "summary": entry.summary, "state": "ready", "missing_models": [], "licence": "Apache-2.0"}
        for entry in RESTORERS.values()
    ]
    rows = store.catalogue.enhancers.items()
    return told + [describe_row(store, name, row.summary, row.network) for name, row in rows]
