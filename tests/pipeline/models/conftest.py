"""A package index on this machine with one wheel of made-up weights."""

import functools
import hashlib
import os
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest

from mien_pipeline.models.catalogue import Catalogue

WEIGHTS = bytes(range(256)) * 64
OTHER = b"other weights"


@dataclass
class Index:
    """Serves `folder` as a simple index and remembers what was asked for."""

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list[str])

    @property
    def downloads(self) -> int:
        return sum(path.endswith(".whl") for path in self.asked)

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
        page = self.folder / "simple/mien-made-up-weights/index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f'<!DOCTYPE html><html><body><a href="../../{name}">{name}</a></body></html>')

    def catalogue(self, index: str | None = None) -> Catalogue:
        """Two models out of the one wheel, and a bundle of both."""
        source = {"kind": "wheel", "package": "mien-made-up-weights", "version": "1.0", "size": 17000}

        def model(name: str, content: bytes) -> dict[str, object]:
            digest = hashlib.sha256(content).hexdigest()
            file = {"path": f"{name}.dat", "at": f"made_up/{name}.dat", "format": "dlib", "sha256": digest}
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
    """pip asks this index and no other, whatever the person's own settings are."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Index(tmp_path / "index")
    served.folder.mkdir()
    served.publish({"made_up/first.dat": WEIGHTS, "made_up/second.dat": OTHER})

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            served.asked.append(self.path)

        def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=served.folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/simple/"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()
