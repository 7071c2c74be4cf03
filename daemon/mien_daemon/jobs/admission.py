"""What a job must pass before it is taken: refused now is better than failed later."""

from typing import Protocol

from mien_api.errors import QueueFull
from mien_core.errors import MienError
from mien_daemon.access.clients import Client
from mien_daemon.config import LiveSettings
from mien_daemon.jobs.job import JobRequest
from mien_daemon.jobs.unfinished import UnfinishedJobs, duration_kind
from mien_daemon.pictures.blobs import PictureBlobs, digest_of

# When to come back, told with "the queue is full": a typical job, but no less than a second and no more than a minute.
UNKNOWN_S = 10.0
SOONEST_S = 1.0
LATEST_S = 60.0


class UsableReferences(Protocol):
    """The consented reference library, as the front needs it."""

    async def require(self, reference_id: str) -> None:
        """Return if there is such a reference that may be used now; raises `UnknownReference`."""
        ...


class Admission:
    """Checks a job before it is taken."""

    def __init__(
        self, jobs: UnfinishedJobs, blobs: PictureBlobs, references: UsableReferences, settings: LiveSettings
    ) -> None:
        self._jobs = jobs
        self._blobs = blobs
        self._references = references
        self._settings = settings

    def require_room(self) -> None:
        """Return if one more job may wait.

        Raises:
            QueueFull: `retry_after_s` says when to come back.
        """
        waiting = self._jobs.waiting
        if len(waiting) >= self._settings.current.max_queued:
            typical = self._jobs.durations.typical_s(duration_kind(next(iter(waiting)))) or UNKNOWN_S
            raise QueueFull(
                "the queue is full",
                queued=len(waiting),
                retry_after_s=int(min(max(typical, SOONEST_S), LATEST_S)),
            )

    async def inspect(self, client: Client, ask: JobRequest) -> None:
        """Return if every picture is there, may be used by this client, and may be decoded.

        Raises:
            UnknownBlob, UnknownReference, InvalidImage, ImageTooLarge: `field` or `blob` says which picture.
        """
        fields = ["target", *("reference" for _ in ask.references)]
        for name, field in zip((ask.target, *ask.references), fields, strict=True):
            if name.startswith("ref:"):
                await self._references.require(name.removeprefix("ref:"))
                continue
            digest = digest_of(name)
            await self._blobs.require(digest, client, field)
            try:
                await self._blobs.inspect(digest, client)
            except MienError as error:
                error.fields.setdefault("field", field)
                raise
