"""The small client that the command line, the tray and scripts use: the standard library and nothing else.

What the daemon refuses comes back as the error it refused with, so that a failure is the same on both sides.
"""

import hashlib
import http.client
import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Self, cast
from urllib.parse import quote

from mien_api import runtime_file
from mien_api.problems import error_for
from mien_core.errors import Cancelled

# What the client raises is the client's to name: the tray catches it and knows nothing of the pipeline.
from mien_core.errors import DaemonUnreachable as DaemonUnreachable
from mien_core.errors import MienError as MienError

ADDRESS = "127.0.0.1"
TIMEOUT_S = 60.0  # the daemon holds a poll for 20 s at most
CLIP_TIMEOUT_S = 300.0  # a clip of 4 GiB is read twice before its job is taken
PIECE_BYTES = 1 << 20
POLL_S = 20
Document = dict[str, Any]
Body = bytes | BinaryIO | None
OnJob = Callable[[Mapping[str, Any]], None]


Person = bytes | str | Sequence[bytes | str]
"""One picture, or several: each in bytes, or "ref:ID" for all that the library has of a person."""


def ignore_job(job: Mapping[str, Any]) -> None:
    """The listener that does nothing."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; come back with its `id` to miss none."""

    id: str
    kind: str
    data: Document


@dataclass(frozen=True, slots=True)
class DaemonClient:
    """A daemon that runs: its port and a token that it takes."""

    port: int
    token: str
    timeout_s: float = TIMEOUT_S

    @classmethod
    def discover(cls, state_dir: str | Path | None = None) -> Self | None:
        """The daemon of this user on this state folder, or None when none runs."""
        from mien_api.folders import Folders

        found = runtime_file.read(Folders.find(state_dir).state)
        return cls(found.port, found.token) if found else None

    @classmethod
    def running(cls, state_dir: str | Path | None = None) -> Self:
        """The daemon of this user.

        Raises:
            DaemonUnreachable: none runs.
        """
        found = cls.discover(state_dir)
        if found is None:
            raise DaemonUnreachable("no daemon is running; start it with `mien serve`", command="mien serve")
        return found

    def request(self, method: str, path: str, document: Mapping[str, object] | None = None) -> Document:
        """One request with a JSON answer; {} where there is nothing to say.

        Raises:
            DaemonUnreachable: no daemon answers.
            MienError: what the daemon refused, as its own class.
        """
        body = None if document is None else json.dumps(document).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = self._send(method, path, body, headers)[0]
        return cast("Document", json.loads(data)) if data else {}

    def put_blob(self, data: bytes) -> str:
        """Send a picture and return its name; raises as `request` does."""
        name = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._send("PUT", f"/v1/blobs/{name}", data, {"Content-Type": "application/octet-stream"})
        return name

    def put_file(self, path: Path) -> str:
        """Send a clip, or any file that is too large for memory, and return its name; raises as `request` does."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
            self._send("PUT", f"/v1/blobs/sha256:{digest}", file, headers)
        return f"sha256:{digest}"

    def post_job(self, job: Mapping[str, object], idempotency_key: str | None = None) -> Document:
        """Ask for a job; raises as `request` does."""
        headers = {"Content-Type": "application/json"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return cast("Document", json.loads(self._send("POST", "/v1/jobs", json.dumps(job).encode(), headers)[0]))

    def watch(self, job: Mapping[str, Any]) -> Iterator[Document]:
        """The job each time it changes, the last time finished; raises as `request` does."""
        path, tag = f"/v1/jobs/{quote(str(job['id']))}?wait={POLL_S}", ""
        while True:
            data, tag = self._send("GET", path, None, {"If-None-Match": tag} if tag else {})
            if data:
                job = json.loads(data)
                yield dict(job)
            if job["state"] in {"done", "failed", "cancelled"}:
                return

    def wait(self, job: Mapping[str, Any], on_job: OnJob = ignore_job) -> Document:
        """The finished job.

        Raises:
            MienError: the job failed; it is the error it failed with.
            Cancelled: it was stopped.
        """
        last: Document = dict(job)
        for last in self.watch(job):
            on_job(last)
        if last["state"] == "failed":
            raise error_for(last["problem"])
        if last["state"] == "cancelled":
            raise Cancelled("the job was cancelled", job=last["id"])
        return last

    def result(self, job_id: str) -> bytes:
        """The picture of a job that is done; raises as `request` does."""
        return self._send("GET", f"/v1/jobs/{quote(job_id)}/result", None, {})[0]

    def save_result(self, job_id: str, path: Path) -> None:
        """Write the clip, or the picture, of a job that is done to a file; raises as `request` does."""
        with closing(self._connect()) as connection, path.open("wb") as file:
            response = self._begin(connection, "GET", f"/v1/jobs/{quote(job_id)}/result", None, self._headers({}))
            try:
                shutil.copyfileobj(response, file, PIECE_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise DaemonUnreachable("the daemon went away while it answered", port=self.port) from error

    def cancel(self, job_id: str) -> Document:
        """Stop a job; raises as `request` does."""
        return self.request("POST", f"/v1/jobs/{quote(job_id)}/cancel")

    def group(self, name: str) -> Document:
        """How far the jobs of a group are; raises as `request` does."""
        return self.request("GET", f"/v1/groups/{quote(name, safe='')}")

    def cancel_group(self, name: str) -> Document:
        """Stop every job of a group; raises as `request` does."""
        return self.request("POST", f"/v1/groups/{quote(name, safe='')}/cancel")

    def retry_group(self, name: str) -> Document:
        """Queue what failed or was cancelled in a group again; raises as `request` does."""
        return self.request("POST", f"/v1/groups/{quote(name, safe='')}/retry")

    def swap(
        self,
        target: bytes,
        references: Person | Sequence[Person],
        options: Mapping[str, object],
        on_job: OnJob = ignore_job,
        likes: Sequence[bytes] = (),
    ) -> tuple[bytes, Document]:
        """One swap from bytes to bytes, with its report; a `KeyboardInterrupt` cancels the job.

        Args:
            target: an encoded picture.
            references: pictures, or people of the library as "ref:ID"; one, or one for every chosen face. One that is
                a sequence itself is several pictures of one person.
            options: as the API takes them.
            on_job: told of every change of the job.
            likes: the pictures that `options["faces"]` names.

        Raises:
            MienError: as the daemon or the worker refused it.
        """
        every = [references] if isinstance(references, bytes | str) else references
        people = [self._name_person(each) for each in every]
        for picture in likes:
            self.put_blob(picture)
        ask = {"kind": "swap", "target": self.put_blob(target), "references": people, "options": dict(options)}
        return self._run(ask, on_job)

    def swap_clip(
        self,
        target: Path,
        references: Sequence[Person],
        options: Mapping[str, object],
        on_job: OnJob = ignore_job,
        likes: Sequence[bytes] = (),
    ) -> Document:
        """One swap of a clip: the finished job, whose result `save_result` fetches; else as `swap`."""
        patient = replace(self, timeout_s=CLIP_TIMEOUT_S)
        people = [self._name_person(each) for each in references]
        for picture in likes:
            self.put_blob(picture)
        ask = {"kind": "swap", "target": patient.put_file(target), "references": people, "options": dict(options)}
        return patient._finish(ask, on_job)

    def restore(
        self, image: bytes, options: Mapping[str, object], on_job: OnJob = ignore_job
    ) -> tuple[bytes, Document]:
        """One restore from bytes to bytes, with its report; raises as `swap` does."""
        return self._run({"kind": "restore", "target": self.put_blob(image), "options": dict(options)}, on_job)

    def events(self, last_id: str | None = None) -> Iterator[Event]:
        """What happens, as it happens, until the daemon or the connection ends; raises as `request` does."""
        with closing(self._connect()) as connection:
            headers = self._headers({"Last-Event-ID": last_id} if last_id else {})
            response = self._begin(connection, "GET", "/v1/events", None, headers)
            fields: dict[str, str] = {}
            while line := self._line(response):
                name, _, value = line.rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    yield Event(fields.get("id", ""), fields["event"], json.loads(fields.get("data", "{}")))
                    fields = {}

    def _name_person(self, person: Person) -> list[str]:
        """Send the pictures of one person, and return their names."""
        pictures = [person] if isinstance(person, bytes | str) else person
        return [each if isinstance(each, str) else self.put_blob(each) for each in pictures]

    def _run(self, ask: Mapping[str, object], on_job: OnJob) -> tuple[bytes, Document]:
        done = self._finish(ask, on_job)
        return self.result(str(done["id"])), cast("Document", done["result"])

    def _finish(self, ask: Mapping[str, object], on_job: OnJob) -> Document:
        """The job, done; a `KeyboardInterrupt` cancels it."""
        key = secrets.token_hex(16)
        try:
            return self.wait(self.post_job(ask, key), on_job)
        except KeyboardInterrupt:
            # Whether the daemon took the job before we stopped listening or not: with the same key it is the same one.
            with suppress(MienError):
                self.cancel(str(self.post_job(ask, key)["id"]))
            raise

    def _send(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> tuple[bytes, str]:
        """The body and the ETag of an answer; an empty body where nothing is new."""
        with closing(self._connect()) as connection:
            response = self._begin(connection, method, path, body, self._headers(headers))
            try:
                return response.read(), response.headers.get("ETag", "")
            except (OSError, http.client.HTTPException) as error:
                raise DaemonUnreachable("the daemon went away while it answered", port=self.port) from error

    def _begin(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Body,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        """Send, and raise what was refused."""
        try:
            connection.request(method, path, body, headers)
        except BrokenPipeError:
            pass  # refused before all was sent; the answer says why
        except OSError as error:
            raise DaemonUnreachable("the daemon does not answer", port=self.port) from error
        try:
            response = connection.getresponse()
            if response.status < 400:
                return response
            refusal = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise DaemonUnreachable("the daemon does not answer", port=self.port) from error
        raise error_for(_problem(refusal, response.status))

    def _line(self, response: http.client.HTTPResponse) -> str:
        try:
            return response.readline().decode()
        except (OSError, http.client.HTTPException):
            return ""

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(ADDRESS, self.port, timeout=self.timeout_s)

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}


def _problem(body: bytes, status: int) -> Mapping[str, object]:
    """The problem document in an answer; one in words for an answer that has none."""
    try:
        document: object = json.loads(body)
    except ValueError:
        document = None
    return cast("Mapping[str, object]", document) if isinstance(document, dict) else {"detail": f"status {status}"}
