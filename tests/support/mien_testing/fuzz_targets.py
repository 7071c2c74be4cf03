"""What reads foreign bytes, each as a function of bytes with seeds, a budget, and the errors it may raise.

`tests/fuzz/test_targets.py` tries a few hundred mutations of the seeds; `nox -s fuzz` follows coverage for minutes.
"""

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import multidict
import PIL.ExifTags
import PIL.Image
import PIL.PngImagePlugin
from aiohttp import web

from mien_core.errors import MienError
from mien_daemon.access import handshake
from mien_daemon.events import Events
from mien_daemon.http.body import parse_body, read_query
from mien_daemon.http.file_answer import is_known, parse_range, wants_range
from mien_daemon.http.job_schemas import JobQuery, MoveJob, WaitQuery
from mien_daemon.http.pairing_schemas import BeginPairing, PairingStep
from mien_daemon.references.index import LibraryIndex
from mien_daemon.routes.jobs import NewJob, ask_from
from mien_daemon.routes.references import ChangedReference, NewReference
from mien_daemon.worker import messages
from mien_models.remote.wheel_index import read_html, read_json
from mien_pipeline.engines.registry import parse_options
from mien_pipeline.evaluation.measures import memory_added
from mien_pipeline.media import encode, metadata, probe
from mien_pipeline.media.decode import decode
from mien_pipeline.media.previews import preview
from mien_pipeline.trust import credentials
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.marking import media_type_of

# Larger pictures are allowed, and cost what their size costs; here it is the damage that is looked for.
MAX_PIXELS = 1 << 20
MAX_BYTES = 1 << 16
DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        read: takes the bytes; what it raises beside `allowed` is a finding.
        seeds: what an honest sender sends.
        allowed: named refusals, and those that its caller names.
        cpu_s: processor time that one input may take of the thread that reads it.
        memory_bytes: by how much one input may raise the process's memory.
    """

    name: str
    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    allowed: tuple[type[Exception], ...] = (MienError,)
    cpu_s: float = 2.0
    memory_bytes: int = 256 << 20


class OverBudget(Exception):
    """An input took more time or memory than its size explains."""


def try_input(target: Target, data: bytes) -> None:
    """Read one input within the budget.

    Raises:
        OverBudget: too much time or memory.
        Exception: whatever `read` raised that is no named refusal.
    """

    def read() -> None:
        with suppress(*target.allowed):
            target.read(data)

    began = time.thread_time()  # other threads of this process are not the input's fault
    took_bytes = memory_added(read)
    took_s = time.thread_time() - began
    if took_s > target.cpu_s or took_bytes > target.memory_bytes:
        raise OverBudget(f"{target.name}: {took_s:.1f} s and {took_bytes >> 20} MiB for {len(data)} bytes")


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def make_pictures() -> list[bytes]:
    """A small picture in every format and in the modes that take other ways, with metadata where it can have some."""
    return list(_draw_pictures())


def _draw_pictures() -> Iterator[bytes]:
    gradient = PIL.Image.linear_gradient("L").resize((24, 16))
    colour = PIL.Image.merge("RGB", (gradient, gradient.transpose(PIL.Image.Transpose.ROTATE_180), gradient))
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = 6
    exif[PIL.ExifTags.Base.Artist] = "Ann"
    exif.get_ifd(PIL.ExifTags.IFD.GPSInfo)[1] = "N"
    xmp = metadata.write_packet("Mien (mesh)", metadata.SWAPPED)
    text = PIL.PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    text.add_text("Comment", "a word", zip=True)
    more: dict[str, dict[str, Any]] = {
        "png": {"exif": exif, "pnginfo": text},
        "jpeg": {"exif": exif, "xmp": xmp, "quality": 60},
        "webp": {"exif": exif, "xmp": xmp},
        "avif": {"exif": exif, "xmp": xmp},
        "tiff": {"compression": "tiff_lzw"},
        "bmp": {},
    }
    for name, options in more.items():
        yield _save(colour, name, **options)
    yield _save(colour, "jpeg", progressive=True)
    yield _save(colour.convert("CMYK"), "jpeg")
    yield _save(colour.convert("RGBA"), "webp", lossless=True)
    yield _save(colour.quantize(8), "png")
    yield _save(gradient, "png", bits=4)
    yield _save(gradient.convert("I;16"), "png")
    yield _save(gradient.convert("LA"), "png")
    yield _save(colour, "tiff", big_tiff=True)


def _save(picture: PIL.Image.Image, format: str, **options: Any) -> bytes:
    made = io.BytesIO()
    picture.save(made, format, **options)
    return made.getvalue()


def _fits(data: bytes) -> bool:
    """Whether a picture is one whose size alone explains nothing; raises as `probe` does."""
    info = probe.probe(data)
    return info.width * info.height <= MAX_PIXELS


def read_pixels(data: bytes) -> None:
    if _fits(data):
        decode(data)


def read_preview(data: bytes) -> None:
    if _fits(data):
        preview(data, 64)


def read_metadata(data: bytes) -> None:
    """Metadata is read, and what is kept of it is written into a result that opens."""
    with probe.open_picture(data) as (picture, _):
        metadata.read(picture)
        packet = metadata.copy_packet(picture)
    if not _fits(data):
        return
    image = decode(data)
    chosen = encode.result_format(image, None)
    made = encode.encode(image, chosen, packet or metadata.write_packet("Mien (mesh)", metadata.SWAPPED))
    assert decode(made).pixels.shape == image.pixels.shape


def read_credentials(data: bytes) -> None:
    credentials.read(data, media_type_of(data))


def read_as_parent(data: bytes) -> None:
    """A stranger's picture, taken over as the parent of a result."""
    credentials.list_private_assertions(data, media_type_of(data))


def make_signed(state: Path) -> list[bytes]:
    """Pictures with credentials, small."""
    from mien_pipeline.report import Edit

    signatory = Authority(state).signatory()
    edit = Edit("swap", "mesh", None)
    return [
        credentials.sign(data, media_type_of(data), data, media_type_of(data), edit, signatory)
        for data in make_pictures()[:3]
    ]


# ── the front ────────────────────────────────────────────────────────────────────────────────────────────────────


def text_of(data: bytes) -> str:
    """A header's value as aiohttp hands it over."""
    return data.decode("utf-8", "surrogateescape")


def read_range(data: bytes) -> None:
    digest, asked = "0" * 64, text_of(data)
    is_known(asked, digest)
    wants_range(asked, digest)
    start, stop = parse_range(asked, 1000)
    assert 0 <= start < stop <= 1000


def _read_body(model: Any) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        json.dumps(parse_body(data or b"{}", model).model_dump(mode="json"))

    return read


def read_job(data: bytes) -> None:
    """A posted job, as far as the queue, and back into JSON for the database."""
    ask = ask_from(parse_body(data or b"{}", NewJob).root, "mesh")
    json.dumps([dict(ask.options), list(ask.references), list(ask.pictures)]).encode()


def read_options(data: bytes) -> None:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(raw, dict):
        parse_options(raw)


def read_queries(data: bytes) -> None:
    """A query string, for each model that reads one."""
    pairs = multidict.MultiDict(
        (name, value) for name, _, value in (part.partition("=") for part in text_of(data).split("&"))
    )
    refused: MienError | None = None
    for model in (JobQuery, WaitQuery):
        try:
            read_query(cast("web.Request", SimpleNamespace(query=pairs)), model)
        except MienError as error:
            refused = error
    if refused:
        raise refused


def read_event_id(data: bytes) -> None:
    events = Events()
    events.publish("job", {})
    number = events.number(text_of(data))
    assert number is None or 0 <= number <= 1
    number = events.number(events.name(0)[:-1] + text_of(data))
    assert number is None or 0 <= number <= 1


def read_point(data: bytes) -> None:
    """A public key of pairing, as text and as a point of the curve."""
    point = handshake.from_text(text_of(data), handshake.POINT_BYTES)
    handshake.shared_secret(handshake.new_key_pair(), point)


JOBS = [
    {"kind": "swap", "target": DIGEST, "reference": DIGEST, "options": {"engine": "mesh", "faces": [0, 2]}},
    {"kind": "swap", "target": DIGEST, "reference": ["ref:0f", DIGEST], "options": {"faces": "all", "seed": 7}},
    {"kind": "swap", "target": DIGEST, "reference": DIGEST, "options": {"engine": "flux", "prompt": "a", "steps": 4}},
    {"kind": "restore", "target": DIGEST, "options": {"amount": 0.5, "priority": "batch"}},
]


def to_seeds(*documents: object) -> list[bytes]:
    return [json.dumps(document).encode() for document in documents]


def examples_of(*models: Any) -> list[bytes]:
    """The examples that the API documents."""
    found = [example for model in models for example in list_examples(model.model_json_schema())]
    return to_seeds(*found)


def list_examples(schema: dict[str, Any]) -> Iterator[object]:
    yield from schema.get("examples", ())
    for part in schema.get("$defs", {}).values():
        yield from part.get("examples", ())


def read_index_page(data: bytes) -> object:
    """As a page of links, which takes anything, and as JSON."""
    read_html(data, "https://index.example/simple/p/")
    return read_json(data, "https://index.example/simple/p/")


INDEX_PAGES = [
    b'<base href="/x/"><a href="../p-1.0-py3-none-any.whl#sha256=00" data-yanked="bad">p</a>',
    b'{"meta": {"api-version": "1.1"}, "files": [{"filename": "p-1.0.tar.gz", "url": "../p-1.0.tar.gz", '
    b'"hashes": {"sha256": "00"}, "yanked": "bad"}]}',
]


@contextmanager
def every_target(state: Path) -> Generator[dict[str, Target]]:
    """The targets by name; `state` is a folder for the certificate of the signed seeds."""
    targets = [
        Target("probe", probe.probe, make_pictures),
        Target("decode", read_pixels, make_pictures),
        Target("preview", read_preview, make_pictures),
        Target("metadata", read_metadata, make_pictures),
        Target("credentials", read_credentials, lambda: make_signed(state)),
        Target("parent", read_as_parent, lambda: make_signed(state)),
        Target("range", read_range, lambda: [b"bytes=0-9", b"bytes=-5", b"bytes=7-", b'W/"0", *']),
        Target("job", read_job, lambda: to_seeds(*JOBS)),
        Target("options", read_options, lambda: to_seeds(*(job["options"] for job in JOBS))),
        Target("query", read_queries, lambda: [b"state=done,failed&cursor=12&limit=7", b"wait=1.5", b"limit=100"]),
        Target("event-id", read_event_id, lambda: [b"0f1e2d3c-1", b"-0", b"1"]),
        Target("pairing", _read_body(BeginPairing), lambda: examples_of(BeginPairing)),
        Target("pairing-step", _read_body(PairingStep), lambda: examples_of(PairingStep)),
        Target("point", read_point, make_points, (MienError, ValueError)),
        Target("reference", _read_body(NewReference), lambda: examples_of(NewReference)),
        Target("reference-change", _read_body(ChangedReference), lambda: examples_of(ChangedReference)),
        Target("move", _read_body(MoveJob), lambda: examples_of(MoveJob)),
        Target("worker-frame", messages.decode, make_frames, (ValueError,)),
        Target("index-page", read_index_page, lambda: INDEX_PAGES, (ValueError,)),
        Target("library-index", LibraryIndex.decode, lambda: [LibraryIndex().encode()]),
    ]
    yield {target.name: target for target in targets}


def make_points() -> list[bytes]:
    return [handshake.to_text(handshake.public_point(handshake.new_key_pair())).encode()]


def make_frames() -> list[bytes]:
    said = (messages.Progressed("1", "blend", 1, 2), messages.Failed("1", "no-face-found", "none", {"role": "target"}))
    return [messages.encode(each)[messages.LENGTH.size :] for each in said]


def main() -> None:
    """Print the names of the targets."""
    with tempfile.TemporaryDirectory() as state, every_target(Path(state)) as targets:
        sys.stdout.write("\n".join(targets) + "\n")


if __name__ == "__main__":
    main()
