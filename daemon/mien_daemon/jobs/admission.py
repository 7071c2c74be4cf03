"""What a job must pass before it is taken: refused now is better than failed later."""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import Protocol

from mien_api.errors import QueueFull
from mien_core.errors import MienError, UnsupportedClip
from mien_daemon.access.clients import Client
from mien_daemon.config import LiveSettings
from mien_daemon.jobs.job import JobRequest
from mien_daemon.jobs.unfinished import UnfinishedJobs, duration_kind
from mien_daemon.pictures.blobs import PictureBlobs, digest_of, require_headroom
from mien_daemon.worker.messages import ClipRead, ReadClip
from mien_models.store import ModelStore
from mien_pipeline.clip_options import (
    parse_clip_options,
    refuse_clip_options,
    require_clip_options,
    split_clip_options,
)
from mien_pipeline.engines.registry import parse_options, require_models
from mien_pipeline.option_parts import require_parts
from mien_pipeline.options import RestoreOptions, SwapOptions, parse_restore_options, require_readable_count

# When to come back, told with "the queue is full": a typical job, but no less than a second and no more than a minute.
UNKNOWN_S = 10.0
SOONEST_S = 1.0
LATEST_S = 60.0
# Of all places, no client has more than a quarter, and a tenth is for the person's own programs alone: a browser or a
# script that fills its share keeps neither another one nor the person out.
CLIENTS_SHARE = 4
KEPT_SHARE = 10
# The segments of a clip and the joined file take about the clip's own bytes each.
TIMES_ON_DISK = 2


class ClipReader(Protocol):
    """How what a clip is gets read: in another process, whatever the bytes are."""

    def __call__(self, wanted: ReadClip, client: Client, /) -> Awaitable[ClipRead]: ...


class UsableReferences(Protocol):
    """The consented reference library, as the front needs it."""

    async def count(self, reference_id: str) -> int:
        """How many pictures there are of a person whose face may be used now; raises `UnknownReference`."""
        ...


class Admission:
    """Checks a job before it is taken."""

    def __init__(
        self,
        jobs: UnfinishedJobs,
        blobs: PictureBlobs,
        references: UsableReferences,
        settings: LiveSettings,
        read_clip: ClipReader,
        models: ModelStore,
    ) -> None:
        self._read_clip = read_clip
        self._models = models
        self._jobs = jobs
        self._blobs = blobs
        self._references = references
        self._settings = settings

    def require_room(self, client: Client) -> None:
        """Return if one more job of this client may wait.

        Raises:
            QueueFull: `share` says whose places are taken, `retry_after_s` when to come back.
        """
        waiting, most = self._jobs.waiting, self._settings.current.max_queued
        if len(waiting) >= most:
            raise self._refusal("the queue is full", "queue", len(waiting))
        if client.may("local"):
            return
        own = sum(job.owner == client.id for job in waiting)
        if own >= max(1, most // CLIENTS_SHARE):
            raise self._refusal("this client's share of the queue is full", "client", own)
        if len(waiting) >= most - most // KEPT_SHARE:
            raise self._refusal("what is left of the queue is kept for the person's own programs", "clients", own)

    def _refusal(self, words: str, share: str, queued: int) -> QueueFull:
        typical = self._jobs.durations.typical_s(duration_kind(next(iter(self._jobs.waiting)))) or UNKNOWN_S
        return QueueFull(words, share=share, queued=queued, retry_after_s=int(min(max(typical, SOONEST_S), LATEST_S)))

    async def inspect(self, client: Client, ask: JobRequest) -> None:
        """Return if every picture is there, may be used by this client, and may be decoded, and the options can hold.

        Raises:
            InvalidOptions, ModelNotInstalled, LicenceNotAccepted: as `require_parts` and `require_models`.
            UnknownBlob, UnknownReference, InvalidImage, ImageTooLarge: `field` or `blob` says which picture.
            TooManyPictures: of one person, with those that the library has.
            UnsupportedClip, HdrClip, ClipTooLong: the target is a clip that cannot be edited.
            InvalidOptions: `field` is the option that does not go with a clip, or not with a picture.
        """
        if (options := read_options(ask)) is not None:
            await asyncio.to_thread(self._require_models, options)  # a file that was changed is read whole
        await self._inspect_target(client, ask)
        for name in ask.likes:
            await self._inspect(client, name, "faces")
        for person in ask.references:
            require_readable_count(sum([await self._count(client, name) for name in person]))

    def _require_models(self, options: SwapOptions | RestoreOptions) -> None:
        require_parts(options, self._models)
        if isinstance(options, SwapOptions):
            require_models(options.engine, self._models)

    async def _inspect_target(self, client: Client, ask: JobRequest) -> None:
        digest = digest_of(ask.target)
        await self._blobs.require(digest, client, "target")
        if ask.kind == "restore" or not await self._blobs.is_clip(digest):
            if ask.kind == "analyse":
                raise UnsupportedClip("the target is no clip", stream="container", reason="no-clip", field="target")
            refuse_clip_options(split_clip_options(ask.options)[1], "the target")
            await self._inspect(client, ask.target, "target")
            return
        options, given = split_clip_options(ask.options)
        part = parse_clip_options(given)
        if ask.kind == "swap":
            require_clip_options(parse_options(options))
        require_headroom(self._blobs.path(digest).parent, TIMES_ON_DISK * await self._blobs.size(digest))
        with naming_field("target"):
            encoder = (part.encoder or "auto") if ask.kind == "swap" else None
            wanted = ReadClip(str(self._blobs.path(digest)), part.begin_s, part.end_s, encoder, part.format)
            await self._read_clip(wanted, client)

    async def _count(self, client: Client, name: str) -> int:
        """How many pictures a name stands for, once they have passed."""
        if name.startswith("ref:"):
            return await self._references.count(name.removeprefix("ref:"))
        await self._inspect(client, name, "reference")
        return 1

    async def _inspect(self, client: Client, name: str, field: str) -> None:
        digest = digest_of(name)
        await self._blobs.require(digest, client, field)
        with naming_field(field):
            await self._blobs.inspect(digest, client)


def read_options(ask: JobRequest) -> SwapOptions | RestoreOptions | None:
    """What a job asks of engine and restorer; a look at a clip asks nothing."""
    if ask.kind == "restore":
        return parse_restore_options(ask.options)
    return parse_options(split_clip_options(ask.options)[0]) if ask.kind == "swap" else None


@contextmanager
def naming_field(field: str) -> Generator[None]:
    """Say in a refusal which member of the request it is about."""
    try:
        yield
    except MienError as error:
        error.fields.setdefault("field", field)
        raise
