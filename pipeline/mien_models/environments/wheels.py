"""The wheels of an environment, brought to a folder: from the indexes of this machine, each of its locked digest."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from mien_core.errors import ChecksumMismatch, DownloadFailed
from mien_core.files import remove_file, replace_file
from mien_models.environments.lock import LockedWheel
from mien_models.local import journal as journals
from mien_models.local.blobs import sha256_of
from mien_models.local.egress_log import EgressLog
from mien_models.progress import Reporter
from mien_models.remote.download import Download, Wanted
from mien_models.remote.http import Connector, RemoteFile
from mien_models.remote.index_settings import Place
from mien_models.remote.network import Network
from mien_models.remote.transfer import Throttle
from mien_models.remote.wheel_index import Archive, WheelIndex


class WheelFolder:
    """A folder of wheels. A wheel lies there under its own name once it is whole and checked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, wheel: LockedWheel) -> Path:
        return self.folder / wheel.filename

    def missing(self, wheels: Sequence[LockedWheel]) -> list[LockedWheel]:
        """Those that are not here whole; their digests are checked again when they are installed."""
        return [one for one in wheels if not self._is_whole(one)]

    def _is_whole(self, wheel: LockedWheel) -> bool:
        path = self.path(wheel)
        return path.is_file() and path.stat().st_size == wheel.size

    def take(self, wheel: LockedWheel, found: Path) -> None:
        """Copy a wheel of this machine.

        Raises:
            ChecksumMismatch: it is not the locked one.
        """
        part = self.path(wheel).with_name(wheel.filename + ".part")
        shutil.copyfile(found, part)
        if sha256_of(part) != wheel.sha256:
            remove_file(part)
            raise ChecksumMismatch(f"{found.name} is not the locked wheel", file=found.name, expected=wheel.sha256)
        replace_file(part, self.path(wheel))

    def fetch(self, wheels: Sequence[LockedWheel], network: Network, log: EgressLog, report: Reporter) -> None:
        """Bring what is missing; what came of it before is gone on with. Connections are in the log as "engines".

        Raises:
            DownloadFailed, ChecksumMismatch: of the first place that should have it, or "not-found".
        """
        settings = network.indexes()
        connector = Connector(log, "engines", network.policy.stall_s, access=settings.access)
        index = WheelIndex(settings, connector, network.policy, report.tick)
        download = Download(connector, network.policy, Throttle(network.bytes_per_s), network.threads)
        for wheel in self.missing(wheels):
            self._fetch_one(wheel, index, download, report)
            report.finish_source(wheel.size)

    def _fetch_one(self, wheel: LockedWheel, index: WheelIndex, download: Download, report: Reporter) -> None:
        refusals: list[DownloadFailed | ChecksumMismatch] = []
        for place, list_archives in index.places:
            try:
                offered = list_archives(wheel.package)
                archive = next((one for one in offered if wheel.filename == one.filename), None)
                if archive is not None:
                    return self._bring(wheel, archive, place, download, report)
            except (DownloadFailed, ChecksumMismatch) as refusal:
                if refusal.fields.get("reason") != "not-found":
                    refusals.append(refusal)
        if refusals:
            raise refusals[0]
        raise DownloadFailed(f"no package index has {wheel.filename}", reason="not-found", file=wheel.filename)

    def _bring(self, wheel: LockedWheel, archive: Archive, place: Place, download: Download, report: Reporter) -> None:
        if archive.path is not None:
            return self.take(wheel, archive.path)
        part = self.path(wheel).with_name(wheel.filename + ".part")
        remote = RemoteFile(archive.url, authorization=place.authorization_for(archive.url), any_host=True)
        wanted = Wanted(wheel.filename, wheel.size, wheel.sha256, digest_origin="in the lock file")
        download.fetch((remote,), wanted, part, report.source_bytes)
        replace_file(part, self.path(wheel))
        return journals.journal_path(part).unlink(missing_ok=True)
