"""Downloads: curl's speed though hashing, next to nothing lost to a kill, flat memory; verify at the disk's speed."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mien_core.program import command_for, windowless
from mien_models.catalogue.entries import Catalogue
from mien_models.local import journal as journals
from mien_models.local.blobs import sha256_of
from mien_models.local.egress_log import EgressLog
from mien_models.remote.download import Download, Wanted
from mien_models.remote.http import Connector, RemoteFile
from mien_models.remote.network import Network
from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row, memory_added, ratio

GIB = 1 << 30
KILLS = 20


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(dir=store.root) as name:
        folder = Path(name)
        served = folder / "served.dat"
        write_random(served, GIB)
        wanted = Wanted("served", GIB, sha256_of(served))
        with serving(served) as server:
            if shutil.which("curl"):
                yield Row(
                    "1 GiB over loopback, hashed: speed ÷ curl's", speed(server.url, wanted, folder), "ratio", 0.9, True
                )
            yield Row(
                "1 GiB with 20 kills: parts fetched again, a kill", refetched(server, wanted, folder), "ratio", 1.0
            )
        yield Row("1 GiB verified: time ÷ sha256sum's", verified(served, wanted, folder), "ratio", 1.2)
        served.unlink()
        yield Row("10 GiB pulled: resident memory added", sparse_pull(folder) / 1e6, "MB", 50)


def ignore_total(total: int) -> None:
    """A listener that does nothing."""


def ignore_error(request: object, client_address: object) -> None:
    """A client that was killed leaves a broken pipe; that is what is measured."""


def write_random(path: Path, size: int) -> None:
    """Random enough that no layer compresses it: one megabyte, turned by a byte each time."""
    block = random.Random(1).randbytes(1 << 20)
    with path.open("wb") as file:
        for turn in range(size >> 20):
            cut = turn % len(block)
            file.write(block[cut:] + block[:cut])


@dataclass(frozen=True)
class Server:
    """A process of its own that serves one file and counts what it puts on the line."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/served"

    def sent(self) -> int:
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/sent")
        try:
            return int(connection.getresponse().read())
        finally:
            connection.close()


class Handler(BaseHTTPRequestHandler):
    """Ranges of the file; at `/sent` how many bytes of it have gone out."""

    protocol_version = "HTTP/1.1"
    path_served: Path
    sent = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        if self.path == "/sent":
            return self.say(str(Handler.sent).encode())
        size = self.path_served.stat().st_size
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or size - 1), size - 1) + 1
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Content-Length", str(end - start))
        self.send_header("ETag", '"served"')
        self.end_headers()
        self.wfile.flush()
        with self.path_served.open("rb") as file, suppress(ConnectionError):
            while start < end and (
                count := os.sendfile(self.connection.fileno(), file.fileno(), start, min(end - start, 1 << 20))
            ):
                start += count
                with self.lock:
                    Handler.sent += count
        self.close_connection = start < end
        return None

    def say(self, words: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(path: Path) -> None:
    """Serve until killed; the port comes on stdout."""
    Handler.path_served = path
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.handle_error = ignore_error  # type: ignore[method-assign]
        sys.stdout.write(f"{http.server_port}\n")
        sys.stdout.flush()
        http.serve_forever()


@contextmanager
def serving(path: Path) -> Generator[Server]:
    command = [*command_for("bench-download"), "serve", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **windowless()) as process:
        try:
            yield Server(int(process.stdout.readline() if process.stdout else 0))
        finally:
            process.kill()


def fetch(url: str, size: str, sha256: str, part: str) -> None:
    """Download one file, as a process that is killed now and then does."""
    connector = Connector(EgressLog(Path(part + ".log")), "m", 30)
    Download(connector).fetch((RemoteFile(url),), Wanted("w", int(size), sha256), Path(part), ignore_total)


def speed(url: str, wanted: Wanted, folder: Path) -> float:
    """curl's seconds over ours, in turns."""
    part, out = folder / "ours.part", folder / "curls"
    connector = Connector(EgressLog(folder / "egress.log"), "m", 30)

    def ours() -> None:
        journals.discard(part)
        Download(connector).fetch((RemoteFile(url),), wanted, part, ignore_total)

    def curls() -> None:
        out.unlink(missing_ok=True)
        subprocess.run(["curl", "-s", "-o", str(out), url], check=True)

    measured = ratio(ours, curls, times=9)
    journals.discard(part)
    out.unlink()
    return 1 / measured


def refetched(server: Server, wanted: Wanted, folder: Path) -> float:
    """Kill the downloading process at twenty remotes; bytes sent beyond the file's own, in parts, a kill."""
    part = folder / "killed.part"
    command = [*command_for("bench-download"), "fetch", server.url, str(wanted.size), str(wanted.sha256), str(part)]
    before = server.sent()
    for kill in range(1, KILLS + 1):
        target = GIB * kill // (KILLS + 1)
        with subprocess.Popen(command, **windowless()) as child:
            while journals.bytes_done(journals.journal_path(part)) < target and child.poll() is None:
                time.sleep(0.002)
            child.send_signal(signal.SIGKILL)
    subprocess.run(command, check=True, **windowless())
    if hashlib.sha256(part.read_bytes()).hexdigest() != wanted.sha256:
        raise RuntimeError("the file is not what was served")
    journals.discard(part)
    return (server.sent() - before - GIB) / KILLS / journals.part_bytes(GIB)


def verified(served: Path, wanted: Wanted, folder: Path) -> float:
    """Our seconds over sha256sum's, for the same bytes."""
    source = {"kind": "local", "folder": str(served.parent)}
    store = one_file_store(folder / "kept", source, served.name, GIB, str(wanted.sha256))
    store.adopt(served.parent)
    if not all(one.ok for one in store.verify()):
        raise RuntimeError("what was just linked is not what it was")
    return ratio(store.verify, partial(subprocess.run, ["sha256sum", served], stdout=subprocess.DEVNULL, check=True))


def one_file_store(root: Path, source: Mapping[str, object], path: str, size: int, sha256: str) -> ModelStore:
    """A store whose catalogue knows one model of one file."""
    file = {"path": path, "format": "dlib", "size": size, "sha256": sha256}
    model = {"title": "One", "version": "1", "licence": "free", "source": source, "files": [file]}
    licence = {"name": "Free", "url": "https://example.org", "commercial": True}
    catalogue = Catalogue.model_validate({"licences": {"free": licence}, "models": {"one": model}})
    return ModelStore(root, catalogue, network=Network(token=lambda: None))


def sparse_pull(folder: Path) -> int:
    """Bytes of memory that a pull of ten gigabytes of nothing takes, served from a file without blocks."""
    sparse = folder / "sparse.dat"
    with sparse.open("wb") as file:
        file.truncate(10 * GIB)
    digest = hashlib.sha256()
    nothing = bytes(1 << 20)
    for _ in range(10 * GIB >> 20):
        digest.update(nothing)
    with serving(sparse) as server:
        source = {"kind": "url", "bases": [server.url.removesuffix("served")]}
        pulled = one_file_store(folder / "pulled", source, "served", 10 * GIB, digest.hexdigest())
        added = memory_added(lambda: pulled.pull(["one"]))
        pulled.remove("one")
    return added


def main() -> None:
    """In a process of its own: "serve" and a file, or "fetch" and what `fetch` takes, are its arguments."""
    what, *words = sys.argv[1:]
    if what == "serve":
        serve(Path(*words))
    else:
        fetch(*words)


if __name__ == "__main__":
    main()
