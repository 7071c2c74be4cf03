"""A site for browsers in tests: pages and pictures that it was given, and a memory of who asked for what."""

from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Any

import PIL.Image

RED = (200, 40, 40)


def png(size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    made = BytesIO()
    PIL.Image.new("RGB", size, colour).save(made, "png")
    return made.getvalue()


@dataclass
class Answer:
    body: bytes
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    needs: dict[str, str] = field(default_factory=dict[str, str])  # request header → what it must contain
    status: int = 200


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Site:
    """Pages and pictures under every name ending in `.test`, and a memory of who asked for what."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []

    def url(self, path: str, host: str = "page.test") -> str:
        return f"http://{host}:{self.port}{path}"

    def page(self, path: str, body: str, **headers: str) -> str:
        text = f"<!doctype html><html lang=en><meta charset=utf-8><title>{path}</title>{body}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = Answer(text.encode(), headers=named)
        return self.url(path)

    def picture(self, path: str, size: tuple[int, int] = (320, 240), **more: Any) -> str:
        self.answers[path] = Answer(png(size, RED), "image/png", **more)
        return self.url(path)

    def clip(self, path: str, content: bytes) -> str:
        self.answers[path] = Answer(content, "video/webm")
        return self.url(path)

    def requests_for(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]


def handler_for(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"] or 0)))

        def answer(self, body: bytes = b"") -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.asked.append(Asked(self.path, headers, body))
            found = site.answers.get(self.path.partition("?")[0], Answer(b"nothing here", "text/plain", status=404))
            if any(value not in headers.get(name, "") for name, value in found.needs.items()):
                found = Answer(b"not for you", "text/plain", status=403)
            self.send_response(found.status)
            for name, value in {"Content-Type": found.kind, "Cache-Control": "no-store", **found.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(found.body)

        def log_message(self, format: str, *words: object) -> None:
            pass

    return Handler
