"""Which version of Mien the package indexes have; asked only when a person asks."""

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from mien_core.errors import DownloadFailed
from mien_models.local.egress_log import EgressLog
from mien_models.remote.http import Connector
from mien_models.remote.network import Network
from mien_models.remote.wheel_index import Archive, WheelIndex

PRODUCT = "mien"


def find_newest(network: Network, log: EgressLog) -> str | None:
    """The newest release on the indexes that pip and uv are set up with; None where none of them knows Mien.

    Versions that their makers took back, and those before a release, do not count.

    Raises:
        DownloadFailed: no index knows Mien, and one of them could not be asked.
    """
    settings = network.indexes()
    connector = Connector(log, PRODUCT, network.policy.stall_s, access=settings.access)
    versions: list[Version] = []
    refusals: list[DownloadFailed] = []
    for _, list_archives in WheelIndex(settings, connector, network.policy, lambda: None).places:
        try:
            versions += [found for archive in list_archives(PRODUCT) if (found := read_version(archive))]
        except DownloadFailed as refusal:
            if refusal.fields.get("reason") != "not-found":
                refusals.append(refusal)
    if refusals and not versions:
        raise refusals[0]
    return str(max(versions)) if versions else None


def read_version(archive: Archive) -> Version | None:
    """The version of a release of Mien; None for any other file."""
    try:
        name, version, _, _ = parse_wheel_filename(archive.filename)
    except InvalidWheelFilename:
        return None
    return version if name == PRODUCT and not archive.yanked and not version.is_prerelease else None
