"""Servers on this machine: a package index with one wheel, and a file server that misbehaves on demand."""

import functools
import hashlib
import io
import ipaddress
import os
import random
import socket
import ssl
import tarfile
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mien_models.catalogue.entries import Catalogue

WEIGHTS = bytes(range(256)) * 64
OTHER = b"other weights"


@dataclass
class Index:
    """Serves `folder` as a simple index and remembers what was asked for."""

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list[str])
    probes: int = 0

    @property
    def downloads(self) -> int:
        """Archives asked for, without the one byte with which a download begins."""
        return sum(path.endswith((".whl", ".tar.gz")) for path in self.asked) - self.probes

    def publish(self, members: dict[str, bytes]) -> None:
        """Put the wheel of `mien-made-up-weights` 1.0 there, in place of the one before."""
        name = "mien_made_up_weights-1.0-py3-none-any.whl"
        info = "mien_made_up_weights-1.0.dist-info"
        with ZipFile(self.folder / name, "w") as wheel:
            for path, content in members.items():
                wheel.writestr(path, content)
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mien-made-up-weights\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        self._offer(name)

    def publish_sdist(self, members: dict[str, bytes]) -> str:
        """Put the source distribution of the same package there instead; its digest.

        Its build backend is setuptools', and its `setup.py` leaves `it-ran` beside the index.
        """
        name, folder = "mien_made_up_weights-1.0.tar.gz", "mien_made_up_weights-1.0"
        own = {
            "PKG-INFO": b"Metadata-Version: 2.1\nName: mien-made-up-weights\nVersion: 1.0\n",
            "pyproject.toml": b'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
            "setup.py": f"open({str(self.folder / 'it-ran')!r}, 'w').close()\n".encode(),
        }
        with tarfile.open(self.folder / name, "w:gz") as sdist:
            for path, content in {**own, **members}.items():
                member = tarfile.TarInfo(f"{folder}/{path}")
                member.size = len(content)
                sdist.addfile(member, io.BytesIO(content))
        self._offer(name)
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()

    def _offer(self, name: str) -> None:
        page = self.folder / "simple/mien-made-up-weights/index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f'<!DOCTYPE html><html><body><a href="../../{name}">{name}</a></body></html>')

    def catalogue(self, index: str | None = None, sdist_sha256: str | None = None) -> Catalogue:
        """Two models out of the one wheel, or of the source distribution of that digest, and a bundle of both."""
        source = {"kind": "wheel", "package": "mien-made-up-weights", "version": "1.0", "size": 17000}
        folder = ""
        if sdist_sha256:
            source["sdist_sha256"], folder = sdist_sha256, "mien_made_up_weights-1.0/"

        def model(name: str, content: bytes) -> dict[str, object]:
            digest = hashlib.sha256(content).hexdigest()
            file = {"path": f"{name}.dat", "at": f"{folder}made_up/{name}.dat", "format": "dlib", "sha256": digest}
            return {
                "title": name,
                "version": "1",
                "licence": "free",
                "source": source,
                "files": [{**file, "size": len(content)}],
            }

        return Catalogue.model_validate(
            {
                "mirrors": {"pypi:": index or self.url},
                "bundles": {"both": ["first", "second"]},
                "licences": {"free": {"name": "Free", "url": "https://example.org/free", "commercial": True}},
                "models": {"first": model("first", WEIGHTS), "second": model("second", OTHER)},
            }
        )


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Index]:
    """Mien asks this index and no other, whatever the person's own settings are."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Index(tmp_path / "index")
    served.folder.mkdir()
    served.publish({"made_up/first.dat": WEIGHTS, "made_up/second.dat": OTHER})

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            served.asked.append(self.path)
            served.probes += self.headers.get("Range") == "bytes=0-0"

        def log_error(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=served.folder))
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/simple/"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


# ── a file server that misbehaves ────────────────────────────────────────────────────────────────────────────


class Misbehaviour(BaseHTTPRequestHandler):
    """Serves `Shop.files`, with ranges and entity tags; `Shop.next` are told what to do instead, one a request."""

    protocol_version = "HTTP/1.1"
    shop: "Shop"

    def do_GET(self) -> None:
        self.shop.asked.append(Asked(self.command, self.path, dict(self.headers.items())))
        trick = self.shop.next.pop(0) if self.shop.next else self.shop.always
        with suppress(ConnectionError, TimeoutError):
            trick(self)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def content(self) -> bytes:
        return self.shop.files[self.path]

    def wanted(self) -> tuple[int, int]:
        """First byte and the one after the last."""
        size = len(self.content)
        tag = self.headers.get("If-Range")
        if not self.shop.ranges or "Range" not in self.headers or (tag and tag != self.shop.etag):
            return 0, size
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        return int(first), min(int(last or size) + 1, size)

    def head(self, start: int, end: int, sending: int | None = None, **headers: str) -> None:
        """`sending`: how many of these bytes follow, all by default; they count before the other side can have them."""
        if self.command != "HEAD":
            self.shop.sent += end - start if sending is None else sending
        partial = (
            self.shop.ranges and "Range" in self.headers and self.headers.get("If-Range") in {None, self.shop.etag}
        )
        self.send_response(206 if partial else 200)
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(self.content)}")
        if self.shop.etag:
            self.send_header("ETag", self.shop.etag)
        for name, value in {"Content-Length": str(end - start), **self.shop.headers, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def body(self, start: int, end: int) -> None:
        if self.command != "HEAD":
            self.wfile.write(self.content[start:end])


Trick = Callable[[Misbehaviour], None]


def serve(handler: Misbehaviour) -> None:
    """What an honest server does."""
    if handler.path not in handler.shop.files:
        return status(404)(handler)
    start, end = handler.wanted()
    handler.head(start, end)
    handler.body(start, end)
    return None


def status(code: int, **headers: str) -> Trick:
    def answer(handler: Misbehaviour) -> None:
        handler.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


def redirect(url: str, code: int = 302, **headers: str) -> Trick:
    return status(code, Location=url, **headers)


def break_off(after: int) -> Trick:
    """Promise everything, send so many bytes, and close."""

    def answer(handler: Misbehaviour) -> None:
        start, end = handler.wanted()
        stop = min(end, start + after)
        handler.head(start, end, stop - start)
        handler.body(start, stop)
        handler.wfile.flush()
        handler.close_connection = True

    return answer


def fall_silent(after: int) -> Trick:
    """Promise everything, send so many bytes, and wait until the other side has gone."""

    def answer(handler: Misbehaviour) -> None:
        start, end = handler.wanted()
        stop = min(end, start + after)
        handler.head(start, end, stop - start)
        handler.body(start, stop)
        handler.wfile.flush()
        handler.shop.silent.set()
        handler.connection.settimeout(300)
        handler.connection.recv(1)
        handler.close_connection = True

    return answer


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Shop:
    """What the server has, how it behaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    etag: str | None = '"one"'
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict[str, str])
    always: Trick = serve
    next: list[Trick] = field(default_factory=list[Trick])
    asked: list[Asked] = field(default_factory=list[Asked])
    sent: int = 0
    silent: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def bodies(self) -> list[Asked]:
        """Requests for more than the one byte with which a download begins."""
        return [one for one in self.asked if one.method == "GET" and one.headers.get("Range") != "bytes=0-0"]


@contextmanager
def serving(shop: Shop, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Generator[Shop]:
    class Handler(Misbehaviour):
        pass

    Handler.shop = shop
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    shop.url = f"{'https' if context else 'http'}://{host}:{server.server_port}/"
    try:
        yield shop
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def shop() -> Generator[Shop]:
    with serving(Shop()) as running:
        yield running


@pytest.fixture
def other_shop() -> Generator[Shop]:
    with serving(Shop()) as running:
        yield running


@pytest.fixture(scope="session")
def content() -> bytes:
    """20 MiB: three parts, the last one short."""
    return random.Random(20).randbytes((20 << 20) + 7)


@dataclass(frozen=True)
class Authority:
    """A certificate authority that only these tests know."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.folder / "authority.pem"

    def context(self, name: str = "localhost", *, expired: bool = False) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        until = datetime.now(UTC) + (timedelta(days=-1) if expired else timedelta(days=2))
        names: Iterable[x509.GeneralName] = [x509.DNSName(name)]
        if name == "localhost":
            names = [*names, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (
            _certificate(name, key, self.certificate.subject, until)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{name}-{expired}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=3))
        .not_valid_after(until)
    )


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of these tests")])
    certificate = (
        _certificate("An authority of these tests", key, name, datetime.now(UTC) + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Authority(tmp_path_factory.mktemp("authority"), key, certificate)
    made.file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return made


@contextmanager
def closed_port() -> Generator[int]:
    """A port of this machine at which nobody listens, and which no other program can take meanwhile."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield int(unused.getsockname()[1])
