"""The client that waits."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from mien_api.client.connection import Document
from mien_api.client.events import Events
from mien_api.client.jobs import Jobs, Label, OnJob, describe_restore, describe_swap, ignore_job
from mien_api.client.models import Models
from mien_api.client.pictures import Person, people_of
from mien_api.client.references import References
from mien_core.errors import Cancelled, MienError

CLIP_TIMEOUT_S = 300.0  # a clip of 4 GiB is read twice before its job is taken


class DaemonClient(Jobs, References, Models, Events):
    """A daemon that runs, and everything that a script asks of one."""

    __slots__ = ()

    def swap(
        self,
        target: bytes,
        references: Person | Sequence[Person],
        options: Mapping[str, object] | None = None,
        on_job: OnJob = ignore_job,
        likes: Sequence[bytes] = (),
        label: Label | None = None,
    ) -> tuple[bytes, Document]:
        """One swap from bytes to bytes, with its report.

        A `KeyboardInterrupt`, and whatever else `on_job` raises, cancels the job.

        Args:
            target: an encoded picture.
            references: pictures, or people of the library as "ref:ID"; one, or one for every chosen face. One that is
                a sequence itself is several pictures of one person.
            options: as the API takes them.
            on_job: told of the job at once, at every change and every two seconds: `state`, `progress` from 0 to 1,
                `stage`, `eta_s`.
            likes: the pictures that `options["faces"]` names.
            label: what the person calls the pictures; the daemon deletes the names with the job.

        Raises:
            MienError: as the daemon or the worker refused it.
        """
        people = [self.put_person(each) for each in people_of(references)]
        for picture in likes:
            self.put_blob(picture)
        return self._run(describe_swap(self.put_blob(target), people, options or {}, label), on_job)

    def swap_clip(
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
        people = [self.put_person(each) for each in references]
        for picture in likes:
            self.put_blob(picture)
        return patient._finish(describe_swap(patient.put_file(target), people, options, label), on_job)

    def analyse_clip(
        self, target: Path, part: Mapping[str, object], on_job: OnJob = ignore_job
    ) -> tuple[bytes, Document]:
        """(a JPEG of all faces, the report, whose `people` say their place in it) of a look at a clip; as `swap_clip`.

        Args:
            part: `from` and `to` in seconds, where not all of the clip is meant.
        """
        patient = replace(self, timeout_s=CLIP_TIMEOUT_S)
        return patient._run({"kind": "analyse", "target": patient.put_file(target), "options": dict(part)}, on_job)

    def restore(
        self,
        image: bytes,
        options: Mapping[str, object],
        on_job: OnJob = ignore_job,
        label: Label | None = None,
    ) -> tuple[bytes, Document]:
        """One restore from bytes to bytes, with its report; raises and cancels as `swap` does."""
        return self._run(describe_restore(self.put_blob(image), options, label), on_job)

    def _run(self, ask: Mapping[str, object], on_job: OnJob) -> tuple[bytes, Document]:
        done = self._finish(ask, on_job)
        return self.result(str(done["id"])), cast("Document", done["result"])

    def _finish(self, ask: Mapping[str, object], on_job: OnJob) -> Document:
        """The job, done; it is cancelled when the wait for it breaks off."""
        key = secrets.token_hex(16)
        try:
            return self.wait(self.post_job(ask, key), on_job)
        except MienError as refused:
            if isinstance(refused, Cancelled):
                self._stop(ask, key)
            raise
        except BaseException:
            self._stop(ask, key)
            raise

    def _stop(self, ask: Mapping[str, object], key: str) -> None:
        """Cancel a job, whether the daemon took it before we stopped listening or not: its key finds the same one."""
        with suppress(MienError):
            self.cancel(str(self.post_job(ask, key)["id"]))
