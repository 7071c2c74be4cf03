"""What options name beside an engine (restorer, masks, detector, recogniser), looked for before anything is loaded.

Nothing heavy is imported: the daemon's front process asks when a job is posted. Whether the process that does the work
has the libraries, it finds out itself.
"""

from mien_models.store import ModelStore
from mien_pipeline.faces.insightface_files import find_arcface, find_scrfd
from mien_pipeline.masks.rows import require_installed as require_masks
from mien_pipeline.options import RestoreOptions, SwapOptions
from mien_pipeline.restorers.rows import require_installed, require_known


def require_parts(options: SwapOptions | RestoreOptions, store: ModelStore) -> None:
    """Return if all that the options name is installed, and may be used.

    Raises:
        InvalidOptions: there is no restorer or mask of that name; `field` is "restorer" or "masks".
        ModelNotInstalled, LicenceNotAccepted: `model` names what is missing, or whose words are not accepted.
    """
    require_restorer(options, store)
    if isinstance(options, RestoreOptions):
        return
    if options.detector == "scrfd":
        find_scrfd(store)
    if options.recogniser == "arcface":
        find_arcface(store)
    require_masks(store, options.masks)
    for model in options.models:
        store.path(model)


def require_restorer(options: SwapOptions | RestoreOptions, store: ModelStore) -> None:
    """Return if there is a restorer of that name, and it is installed where it has something to do.

    Raises:
        InvalidOptions, ModelNotInstalled, LicenceNotAccepted: as `require_parts`.
    """
    if isinstance(options, RestoreOptions) or options.restore:
        require_installed(store, options.restorer)
    else:
        require_known(store, options.restorer)
