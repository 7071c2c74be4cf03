"""The store that commands and the daemon open: the bundled catalogue, and all places of this machine to look into."""

import logging
from pathlib import Path

from mien_core.errors import MienError
from mien_models.catalogue.entries import load_catalogue
from mien_models.exchange.carried import carried_folder
from mien_models.exchange.other_caches import hub_cache
from mien_models.store import ModelStore

log = logging.getLogger(__name__)


def open_store(root: Path, *, offline: bool) -> ModelStore:
    """The store below `root`; what came with the program is installed when it is opened for the first time.

    A folder that takes no models leaves the store as it is: what is missing is named by what needs it.

    Raises:
        InvalidCatalogue: the bundled catalogue was changed, or the person's own is wrong.
    """
    store = ModelStore(root, load_catalogue(), offline=offline, caches=(hub_cache(),), carried=carried_folder())
    try:
        store.install_carried()
    except (MienError, OSError) as error:
        log.warning("the models that came with Mien were not installed: %s", error)
    return store
