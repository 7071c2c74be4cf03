"""The files of the console page: its modules as two scripts, its styles as one sheet, the rest as it lies there."""

import functools
import gzip
import hashlib
import mimetypes
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from mien_api.errors import UnknownRoute
from mien_daemon.http.file_answer import is_known
from mien_daemon.http.joined_modules import join_in_two
from mien_daemon.http.route import Route

FOLDER = Path(__file__).parents[1] / "console"
START = "index.html"
WORDS = "locales/en.json"  # what the page preloads in the folder; by a request's languages it is another file
BOOT = "boot.js"  # the module that opens the session, with what it imports
SCRIPT = "console.js"  # every other module of the page
FIRST_MODULE = "main.js"
SHEET = "page.css"
STYLES = (
    "console.css",
    "faces.css",
    "swap.css",
    "viewer.css",
    "clips.css",
    "jobs.css",
    "results.css",
    "views.css",
    "narrow.css",  # what it says of narrow windows counts before all others
)
CLASSIC = "early-theme.js"  # runs before the first paint, so it is no module
# Its own scripts and styles, pictures from the API that the page holds itself, and no way to make markup from text.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), clipboard-read=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",  # kept by the browser, asked for again with its ETag
}
MAKING = threading.Lock()  # two that make the files at once would each take twice as long
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json"}


@dataclass(frozen=True, slots=True)
class PageFile:
    content: bytes
    media_type: str
    tag: str


@functools.cache
def pack(content: bytes) -> bytes:
    """About a third of the bytes, for a browser that unpacks them."""
    return gzip.compress(content, mtime=0)


def page_files() -> Mapping[str, PageFile]:
    """Every file that the page loads, by its path; no other file is served."""
    with MAKING:
        return make_files()


def pack_all() -> None:
    """Make and pack every file, so that no browser waits for it."""
    for file in page_files().values():
        pack(file.content)


@functools.cache
def make_files() -> Mapping[str, PageFile]:
    """The same, which takes a tenth of a second; once."""
    paths = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*")) if path.is_file()}
    modules = {name for name in paths if name.endswith(".js") and name != CLASSIC}
    sources = {name: paths[name].read_text(encoding="utf-8") for name in modules}
    boot, script = join_in_two(sources, BOOT, f"/console/{BOOT}", FIRST_MODULE)
    joined = {
        BOOT: boot.encode(),
        SCRIPT: script.encode(),
        SHEET: b"".join(paths[name].read_bytes() for name in STYLES),
    }
    single = {name: path.read_bytes() for name, path in paths.items() if name not in modules | {*STYLES}}
    return {name: describe(name, content) for name, content in {**single, **joined}.items()}


def describe(name: str, content: bytes) -> PageFile:
    """The file as it is answered; its tag changes with its bytes."""
    media_type = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return PageFile(content, media_type, hashlib.sha256(content).hexdigest()[:32])


async def get_console_page(request: web.Request) -> web.Response:
    """The page as it preloads the words of the language that the browser asks for first."""
    words = words_for(request.headers.get("Accept-Language", ""))
    answer = _answer(request, START, words)
    answer.headers["Vary"] += ", Accept-Language"
    return answer


def words_for(asked: str) -> str:
    """The file of the first language that is asked for and spoken, as the page itself will choose without a wish."""
    for wanted in asked.split(","):
        base = wanted.partition(";")[0].strip().lower().partition("-")[0]
        name = f"locales/{'zh_CN' if base == 'zh' else base}.json"
        if name in page_files():
            return name
    return WORDS


@functools.cache
def page_preloading(words: str) -> PageFile:
    """The start page with this file of words in place of the English one."""
    return describe(START, page_files()[START].content.replace(WORDS.encode(), words.encode()))


async def get_console_file(request: web.Request) -> web.Response:
    return _answer(request, request.match_info["file"])


async def get_nested_console_file(request: web.Request) -> web.Response:
    return _answer(request, f"{request.match_info['folder']}/{request.match_info['file']}")


def _answer(request: web.Request, name: str, words: str = WORDS) -> web.Response:
    file = page_preloading(words) if name == START else page_files().get(name)
    if file is None:
        raise UnknownRoute("the console has no such file")
    headers = {**HEADERS, "ETag": f'W/"{file.tag}"', "Vary": "Accept-Encoding"}  # weak: packed or not, it is the same
    if is_known(request.headers.get("If-None-Match", ""), file.tag):
        return web.Response(status=304, headers=headers)
    body = file.content
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = pack(body)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers, content_type=file.media_type, charset="utf-8")


FILE_ANSWERS = {200: "text/html", 304: None}
ANY_FILE = {200: "*/*", 304: None}
NO_FILE = ("unknown-route",)
ROUTES = (
    Route("GET", "/", "get_console_page", get_console_page, "The console page", None, FILE_ANSWERS, navigable=True),
    Route(
        "GET",
        "/console/{file}",
        "get_console_file",
        get_console_file,
        "A file of the page",
        None,
        ANY_FILE,
        problems=NO_FILE,
    ),
    Route(
        "GET",
        "/console/{folder}/{file}",
        "get_nested_console_file",
        get_nested_console_file,
        "A file of the page",
        None,
        ANY_FILE,
        problems=NO_FILE,
    ),
)
