"""The client for asyncio: the methods of `DaemonClient`, awaited."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from mien_api.client.connection import Document
from mien_api.client.daemon import CLIP_TIMEOUT_S
from mien_api.client.events import EVENTS, Event, EventLines, after
from mien_api.client.exchange import Exchange
from mien_api.client.jobs import (
    FINISHED,
    LISTEN_S,
    POLL_S,
    Label,
    OnJob,
    describe_restore,
    describe_swap,
    group_path,
    ignore_job,
    job_headers,
    job_path,
    jobs_path,
    require_done,
)
from mien_api.client.models import download_path
from mien_api.client.pictures import Person, people_of, pictures_of
from mien_api.client.references import Basis, describe_reference, reference_path
from mien_core.errors import Cancelled, MienError


class AsyncDaemonClient(Exchange):
    """A daemon that runs, for asyncio. A task that is cancelled while it awaits a swap cancels the job."""

    __slots__ = ()

    async def put_person(self, person: Person) -> list[str]:
        """Send the pictures of one person, and return their names."""
        return [each if isinstance(each, str) else await self.put_blob(each) for each in pictures_of(person)]

    async def post_job(self, job: Mapping[str, object], idempotency_key: str | None = None) -> Document:
        """Ask for a job; the same key with the same job gives the same one."""
        return await self._ask("POST", "/v1/jobs", job, job_headers(idempotency_key))

    async def list_jobs(self, state: str = "", group: str = "", cursor: str = "", limit: int = 100) -> Document:
        """One page of `jobs`, newest first, and the cursor of the `next`."""
        return await self.request("GET", jobs_path(state, group, cursor, limit))

    async def get_job(self, job_id: str) -> Document:
        """One job as it is now."""
        return await self.request("GET", job_path(job_id))

    async def watch(self, job: Mapping[str, Any]) -> AsyncIterator[Document]:
        """The job each time it changes, the last time finished."""
        async for now, is_new in self._poll(job, POLL_S):
            if is_new:
                yield now

    async def _poll(self, job: Mapping[str, Any], wait_s: int) -> AsyncIterator[tuple[Document, bool]]:
        """The job, and whether it has changed, at least every `wait_s` until it has finished."""
        path, tag, now = job_path(str(job["id"]), f"?wait={wait_s}"), "", dict(job)
        while True:
            changed, tag = await self._ask_again("GET", path, tag)
            now = changed or now
            yield now, bool(changed)
            if now["state"] in FINISHED:
                return

    async def wait(self, job: Mapping[str, Any], on_job: OnJob = ignore_job) -> Document:
        """The finished job; raises as `DaemonClient.wait` does."""
        last: Document = dict(job)
        on_job(last)
        async for last, _ in self._poll(job, LISTEN_S):
            on_job(last)
        return require_done(last)

    async def result(self, job_id: str) -> bytes:
        """The picture of a job that is done."""
        return await self._get_bytes(job_path(job_id, "/result"))

    async def preview(self, job_id: str, side: int = 320) -> bytes:
        """A small JPEG of the result of a job that is done; of a clip its first picture. `side` is in pixels."""
        return await self._get_bytes(job_path(job_id, f"/preview?side={side}"))

    async def cancel(self, job_id: str) -> Document:
        """Stop a job."""
        return await self.request("POST", job_path(job_id, "/cancel"))

    async def retry(self, job_id: str) -> Document:
        """Queue a failed or cancelled job again."""
        return await self.request("POST", job_path(job_id, "/retry"))

    async def delete_job(self, job_id: str) -> None:
        """Forget a job and its result."""
        await self.request("DELETE", job_path(job_id))

    async def group(self, name: str) -> Document:
        """How far the jobs of a group are."""
        return await self.request("GET", group_path(name))

    async def cancel_group(self, name: str) -> Document:
        """Stop every job of a group."""
        return await self.request("POST", group_path(name, "/cancel"))

    async def retry_group(self, name: str) -> Document:
        """Queue what failed or was cancelled in a group again."""
        return await self.request("POST", group_path(name, "/retry"))

    async def events(self, last_id: str | None = None) -> AsyncGenerator[Event]:
        """What happens, until the daemon or the connection ends; raises as `request` does."""
        lines = EventLines()
        async with self._exchange("GET", EVENTS, [], 0, after(last_id)) as answer, aclosing(answer.lines()) as told:
            async for line in told:
                if (event := lines.take(line)) is not None:
                    yield event

    async def list_references(self) -> list[Document]:
        """The faces that may be used."""
        return list((await self.request("GET", "/v1/references"))["references"])

    async def add_reference(
        self,
        pictures: bytes | Sequence[bytes],
        name: str,
        *,
        basis: Basis,
        adult: bool,
        expires_at: datetime | None = None,
    ) -> Document:
        """Keep a face with the consent to use it; arguments and errors as in `DaemonClient.add_reference`."""
        names = await self.put_person(pictures)
        return await self.request("POST", "/v1/references", describe_reference(names, name, basis, adult, expires_at))

    async def remove_reference(self, reference_id: str, *, with_results: bool = False) -> None:
        """Withdraw a consent and shred the face, on request also every result made with it."""
        await self.request("DELETE", reference_path(reference_id, with_results=with_results))

    async def list_engines(self) -> list[Document]:
        """Every engine, as `DaemonClient.list_engines` gives them."""
        return list((await self.request("GET", "/v1/engines"))["engines"])

    async def list_models(self) -> list[Document]:
        """Every model with its `state`, licence and files."""
        return list((await self.request("GET", "/v1/models"))["models"])

    async def download_model(self, name: str) -> Document:
        """Begin to fetch a model; `events` tells how far it is."""
        return await self.request("POST", download_path(name))

    async def swap(
        self,
        target: bytes,
        references: Person | Sequence[Person],
        options: Mapping[str, object] | None = None,
        on_job: OnJob = ignore_job,
        likes: Sequence[bytes] = (),
        label: Label | None = None,
    ) -> tuple[bytes, Document]:
        """One swap from bytes to bytes, with its report; arguments and errors as in `DaemonClient.swap`."""
        people = [await self.put_person(each) for each in people_of(references)]
        for picture in likes:
            await self.put_blob(picture)
        return await self._run(describe_swap(await self.put_blob(target), people, options or {}, label), on_job)

    async def swap_clip(
        self,
        target: Path,
        references: Sequence[Person],
        options: Mapping[str, object],
        on_job: OnJob = ignore_job,
        likes: Sequence[bytes] = (),
        label: Label | None = None,
    ) -> Document:
        """One swap of a clip: the finished job, whose result `save_result` fetches; else as `swap`."""
        patient = replace(self, timeout_s=CLIP_TIMEOUT_S)
        people = [await self.put_person(each) for each in references]
        for picture in likes:
            await self.put_blob(picture)
        return await patient._finish(describe_swap(await patient.put_file(target), people, options, label), on_job)

    async def analyse_clip(
        self, target: Path, part: Mapping[str, object], on_job: OnJob = ignore_job
    ) -> tuple[bytes, Document]:
        """(a JPEG of all faces, the report) of a look at a clip, as `DaemonClient.analyse_clip` gives them."""
        patient = replace(self, timeout_s=CLIP_TIMEOUT_S)
        ask = {"kind": "analyse", "target": await patient.put_file(target), "options": dict(part)}
        return await patient._run(ask, on_job)

    async def restore(
        self,
        image: bytes,
        options: Mapping[str, object],
        on_job: OnJob = ignore_job,
        label: Label | None = None,
    ) -> tuple[bytes, Document]:
        """One restore from bytes to bytes, with its report."""
        return await self._run(describe_restore(await self.put_blob(image), options, label), on_job)

    async def save_result(self, job_id: str, path: Path) -> None:
        """Write the clip, or the picture, of a job that is done to a file."""
        await self._save(job_path(job_id, "/result"), path)

    async def _run(self, ask: Mapping[str, object], on_job: OnJob) -> tuple[bytes, Document]:
        done = await self._finish(ask, on_job)
        return await self.result(str(done["id"])), cast("Document", done["result"])

    async def _finish(self, ask: Mapping[str, object], on_job: OnJob) -> Document:
        """The job, done; it is cancelled when the wait for it breaks off."""
        key = secrets.token_hex(16)
        try:
            return await self.wait(await self.post_job(ask, key), on_job)
        except MienError as refused:
            if isinstance(refused, Cancelled):
                await self._stop(ask, key)
            raise
        except BaseException:
            # The task may be cancelled again meanwhile; the request that cancels the job is sent all the same.
            await asyncio.shield(self._stop(ask, key))
            raise

    async def _stop(self, ask: Mapping[str, object], key: str) -> None:
        """Cancel a job, whether the daemon took it before we stopped listening or not: its key finds the same one."""
        with suppress(MienError):
            await self.cancel(str((await self.post_job(ask, key))["id"]))
