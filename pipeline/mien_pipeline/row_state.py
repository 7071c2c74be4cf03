"""What the command line and the API say of a row of the catalogue: ready, or what it lacks, and its licence."""

from mien_core.errors import LicenceNotAccepted
from mien_models.catalogue.networks import NetworkFile
from mien_models.store import ModelStore


def describe_row(store: ModelStore, name: str, summary: str, network: NetworkFile) -> dict[str, object]:
    """The document of one row; ready means installed, and its words are accepted where they must be."""
    licence = store.catalogue.licence_of(network.model)
    missing = [] if _is_ready(store, network.model) else [network.model]
    return {
        "name": name,
        "summary": summary,
        "state": "needs-models" if missing else "ready",
        "missing_models": missing,
        "licence": licence.name if licence.commercial else f"{licence.name}: no commercial use",
    }


def _is_ready(store: ModelStore, model: str) -> bool:
    try:
        store.check_licences([model])
    except LicenceNotAccepted:
        return False
    return store.is_installed(model)
