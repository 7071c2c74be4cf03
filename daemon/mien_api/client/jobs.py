"""Asking for jobs, watching them, stopping them, fetching their results."""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from mien_api.client.connection import AS_JSON, PIECE_BYTES, Connection, Document, gone_away, read_document
from mien_api.client.result_file import written
from mien_api.problems import error_for
from mien_core.errors import Cancelled

POLL_S = 20
LISTEN_S = 2  # how long it takes at most until a listener that wants to stop is asked
FINISHED = frozenset({"done", "failed", "cancelled"})
OnJob = Callable[[Mapping[str, Any]], None]
Label = Mapping[str, object]
"""What a person calls the pictures of a job: "target", and "references" with a name, or None, for each person."""


def ignore_job(job: Mapping[str, Any]) -> None:
    """The listener that does nothing."""


class Jobs(Connection):
    """The queue. All methods raise as `request` does."""

    __slots__ = ()

    def post_job(self, job: Mapping[str, object], idempotency_key: str | None = None) -> Document:
        """Ask for a job; the same key with the same job gives the same one."""
        return read_document(self._send("POST", "/v1/jobs", json.dumps(job).encode(), job_headers(idempotency_key))[0])

    def list_jobs(self, state: str = "", group: str = "", cursor: str = "", limit: int = 100) -> Document:
        """One page of `jobs`, newest first, and the cursor of the `next`; of these states, as "queued,running"."""
        return self.request("GET", jobs_path(state, group, cursor, limit))

    def get_job(self, job_id: str) -> Document:
        """One job as it is now."""
        return self.request("GET", job_path(job_id))

    def watch(self, job: Mapping[str, Any]) -> Iterator[Document]:
        """The job each time it changes, the last time finished."""
        for now, is_new in self._poll(job, POLL_S):
            if is_new:
                yield now

    def _poll(self, job: Mapping[str, Any], wait_s: int) -> Iterator[tuple[Document, bool]]:
        """The job, and whether it has changed, at least every `wait_s` until it has finished."""
        path, tag, now = job_path(str(job["id"]), f"?wait={wait_s}"), "", dict(job)
        while True:
            data, tag = self._send("GET", path, None, {"If-None-Match": tag} if tag else {})
            now = json.loads(data) if data else now
            yield now, bool(data)
            if now["state"] in FINISHED:
                return

    def wait(self, job: Mapping[str, Any], on_job: OnJob = ignore_job) -> Document:
        """The finished job.

        `on_job` hears of it at once, at every change, and every two seconds; what it raises ends the wait.

        Raises:
            MienError: the job failed; it is the error it failed with.
            Cancelled: it was stopped.
        """
        last: Document = dict(job)
        on_job(last)
        for last, _ in self._poll(job, LISTEN_S):
            on_job(last)
        return require_done(last)

    def result(self, job_id: str) -> bytes:
        """The picture of a job that is done."""
        return self._send("GET", job_path(job_id, "/result"), None, {})[0]

    def preview(self, job_id: str, side: int = 320) -> bytes:
        """A small JPEG of the result of a job that is done; of a clip its first picture. `side` is in pixels."""
        return self._send("GET", job_path(job_id, f"/preview?side={side}"), None, {})[0]

    def save_result(self, job_id: str, path: Path) -> None:
        """Write the clip, or the picture, of a job that is done to a file."""
        with closing(self._connect()) as connection:
            response = self._begin(connection, "GET", job_path(job_id, "/result"), None, self._headers({}))
            with written(path) as file:
                while piece := self._next(response):
                    file.write(piece)

    def _next(self, response: http.client.HTTPResponse) -> bytes:
        try:
            piece = response.read(PIECE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise gone_away(self.port) from error
        if not piece and response.length:  # it ended too early, which only a whole `read` says
            raise gone_away(self.port)
        return piece

    def cancel(self, job_id: str) -> Document:
        """Stop a job."""
        return self.request("POST", job_path(job_id, "/cancel"))

    def retry(self, job_id: str) -> Document:
        """Queue a failed or cancelled job again."""
        return self.request("POST", job_path(job_id, "/retry"))

    def delete_job(self, job_id: str) -> None:
        """Forget a job and its result; one that has not finished is cancelled first."""
        self.request("DELETE", job_path(job_id))

    def group(self, name: str) -> Document:
        """How far the jobs of a group are."""
        return self.request("GET", group_path(name))

    def cancel_group(self, name: str) -> Document:
        """Stop every job of a group."""
        return self.request("POST", group_path(name, "/cancel"))

    def retry_group(self, name: str) -> Document:
        """Queue what failed or was cancelled in a group again."""
        return self.request("POST", group_path(name, "/retry"))


def job_path(job_id: str, rest: str = "") -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}{rest}"


def group_path(name: str, rest: str = "") -> str:
    return f"/v1/groups/{quote(name, safe='')}{rest}"


def jobs_path(state: str, group: str, cursor: str, limit: int) -> str:
    asked = {"state": state, "group": group, "cursor": cursor, "limit": str(limit)}
    return f"/v1/jobs?{urlencode({name: value for name, value in asked.items() if value})}"


def job_headers(idempotency_key: str | None) -> dict[str, str]:
    return AS_JSON | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})


def describe_swap(
    target: str, people: Sequence[Sequence[str]], options: Mapping[str, object], label: Label | None = None
) -> Document:
    """The body of a swap: its target and its people by their names."""
    ask = {"kind": "swap", "target": target, "references": people, "options": dict(options)}
    return ask | ({"label": dict(label)} if label else {})


def describe_restore(target: str, options: Mapping[str, object], label: Label | None = None) -> Document:
    return {"kind": "restore", "target": target, "options": dict(options)} | ({"label": dict(label)} if label else {})


def require_done(job: Document) -> Document:
    """The finished job; raises as `Jobs.wait` does."""
    if job["state"] == "failed":
        raise error_for(job["problem"])
    if job["state"] == "cancelled":
        raise Cancelled("the job was cancelled", job=job["id"])
    return job
