"""A real daemon as a process under faults, what is asked of it, and what must be true of its folder afterwards."""

import hashlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mien_api.client import DaemonClient
from mien_daemon.state.personal_data import list_below
from mien_testing.faults import Faults
from mien_testing.installed_engines import link_engines
from mien_testing.started import until_ready

ANSWER_S = 240.0
SETTLED_S = 30.0
LEFT_OVER = "left over: "
SERVE = """
import asyncio, dataclasses, sys
from mien_daemon.config import Config
from mien_daemon.server import serve
config = Config.load({"port": 0, "offline": True}, state_dir=sys.argv[1], models_dir=sys.argv[2])
worker = sys.argv[3]
if worker:
    config = dataclasses.replace(config, worker=worker)
asyncio.run(serve(config, lambda started: None))
"""


@dataclass(frozen=True)
class Answer:
    """A status and what came with it."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_named(self) -> bool:
        """It was done, or refused by a code that a person can act on."""
        return self.status < 400 or (self.json["code"] != "internal-error" and self.status != 500)


class Served:
    """The daemon and the words to talk to it."""

    def __init__(
        self, client: DaemonClient, process: subprocess.Popen[bytes], state: Path, client_id: str = ""
    ) -> None:
        self._client = client
        self.process = process
        self.state = state
        self.client_id = client_id

    def with_token(self, name: str) -> "Served":
        """The same daemon as a new client of scope `swap` sees it."""
        made = self.ask("POST", "/v1/tokens", {"name": name, "scope": "swap"})
        assert made.status == 201, made
        client = DaemonClient(self._client.port, made.json["token"])
        return Served(client, self.process, self.state, made.json["id"])

    def ask(self, method: str, path: str, document: object = None, data: bytes | None = None) -> Answer:
        body = data if document is None else json.dumps(document).encode()
        kind = "application/octet-stream" if document is None else "application/json"
        headers = {"Authorization": f"Bearer {self._client.token}"} | ({"Content-Type": kind} if body else {})
        with closing(http.client.HTTPConnection("127.0.0.1", self._client.port, timeout=ANSWER_S)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())

    def put(self, picture: bytes) -> Answer:
        return self.ask("PUT", f"/v1/blobs/{name_of(picture)}", data=picture)

    def list_jobs(self) -> list[Any]:
        """Every job that this client sees."""
        jobs: list[Any] = []
        page = "?limit=100"
        while page:
            answer = self.ask("GET", f"/v1/jobs{page}").json
            jobs += answer["jobs"]
            page = f"?limit=100&cursor={answer['next']}" if answer["next"] else ""
        return jobs

    def finished(self, job: str) -> Any:
        """The job, once it has ended."""
        while True:
            answer = self.ask("GET", f"/v1/jobs/{quote(job)}?wait=20")
            assert answer.status == 200, answer
            if answer.json["state"] in {"done", "failed", "cancelled"}:
                return answer.json


def name_of(picture: bytes) -> str:
    return f"sha256:{hashlib.sha256(picture).hexdigest()}"


@contextmanager
def serving(faults: Faults, state: Path, models: Path, worker: str = "") -> Generator[Served]:
    """A daemon on this state folder; leave the block and it stops.

    With the worker's runtime of that name, a fake, there are stand-ins for the models as well.
    """
    if worker:
        link_engines(models)
    environment = {
        **os.environ,
        **faults.environment,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "MIEN_STATE_DIR": str(state),
    }
    log = state.with_name("daemon.log")
    with log.open("ab") as lines:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, state, models, worker], env=environment, stdout=lines, stderr=lines
        )
    try:
        yield Served(until_ready(state, ANSWER_S), process, state)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(180)


def list_faults(state: Path) -> list[str]:
    """`look_for_faults`, once the daemon has settled: what stays is left over, what is being written is not.

    It clears a job's folder after the job's last event, and a starting worker writes its signing key.
    """
    until = time.monotonic() + SETTLED_S
    while (found := look_for_faults(state)) and time.monotonic() < until:
        if not all(fault.startswith(LEFT_OVER) for fault in found):
            break
        time.sleep(0.02)
    return found


def look_for_faults(state: Path) -> list[str]:
    """What rows and folders say differently, and what is left of work that has ended.

    A row whose picture could be deleted and the row not is no fault: the sweep takes it within the hour.
    """
    with closing(sqlite3.connect(f"file:{state / 'mien.db'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sql = "SELECT sha256 FROM job_pictures JOIN jobs ON jobs.id = job WHERE finished_at IS NULL"
        needed = {row[0] for row in db.execute(sql)}
        blobs = {row[0] for row in db.execute("SELECT sha256 FROM blobs")}
        results = {row[0] for row in db.execute("SELECT id FROM jobs WHERE result_sha256 IS NOT NULL")}
        digests = dict(db.execute("SELECT id, result_sha256 FROM jobs WHERE result_sha256 IS NOT NULL").fetchall())
    lying = {path.name for path in (state / "blobs").rglob("?" * 64)}
    kept = {path.name for path in (state / "results").iterdir()}
    found = [f"a job without its picture: {name}" for name in needed - lying]
    found += [f"a picture without its row: {name}" for name in lying - blobs]
    found += [f"a row without its result: {name}" for name in results - kept]
    found += [f"a result without its row: {name}" for name in kept - results]
    found += [
        f"a result with other bytes: {name}"
        for name in results & kept
        if hashlib.sha256((state / "results" / name).read_bytes()).hexdigest() != digests[name]
    ]
    for folder in ("arriving", "spool"):
        found += [f"{LEFT_OVER}{path.relative_to(state)}" for path in (state / folder).iterdir()]
    hidden = [path for path in list_below(state) if path.name.startswith(".") and path.is_file()]
    return found + [f"{LEFT_OVER}{path.relative_to(state)}" for path in hidden]
