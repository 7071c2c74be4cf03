"""A transfer reads what is missing, hashes the whole, and stops every thread at the first failure."""

import hashlib
import io
import threading
import time
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import cast

import pytest

from mien_core.errors import DownloadFailed
from mien_models.local.journal import Journal, Offer, journal_path
from mien_models.remote.http import RemoteFile, Reply
from mien_models.remote.retry import TransientFailure
from mien_models.remote.transfer import FileTransfer, SourceChangedError, Throttle, Way

REMOTE = RemoteFile("https://a.example/w")
CONTENT = bytes(range(256)) * 40
STEP = 4096


class Answer:
    """An answer of the source below, without a network."""

    def __init__(self, body: bytes, headers: Mapping[str, str], status: int) -> None:
        self.status, self.url, self.headers, self.response = status, REMOTE.url, Message(), self
        for name, value in headers.items():
            self.headers[name] = value
        self._body = io.BytesIO(body)
        self.closed = False

    def read1(self, count: int) -> bytes:
        return self._body.read(min(count, 1000))

    def close(self) -> None:
        self.closed = True

    abort = close


class Source:
    """Serves `content` in ranges; a test may change what it says."""

    def __init__(self, content: bytes = CONTENT, status: int = 206, etag: str | None = '"one"') -> None:
        self.content, self.status, self.etag = content, status, etag
        self.asked: list[tuple[dict[str, str], str]] = []
        self.answers: list[Answer] = []
        self.cut = 1 << 30

    def __call__(self, headers: Mapping[str, str], at: str) -> Reply:
        self.asked.append((dict(headers), at))
        start, end = 0, len(self.content) - 1
        if asked := headers.get("Range"):
            start, end = map(int, asked.removeprefix("bytes=").split("-"))
        said = {"Content-Range": f"bytes {start}-{end}/{len(self.content)}"}
        said |= {"ETag": self.etag} if self.etag else {}
        self.answers.append(Answer(self.content[start : end + 1][: self.cut], said, self.status))
        return cast("Reply", self.answers[-1])


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "w.part"
    with path.open("wb") as file:
        file.truncate(len(CONTENT))
    return path


def transfer(source: Source, part: Path, *, ranges: bool = True, stall_s: float = 30, threads: int = 3) -> FileTransfer:
    offer = Offer(REMOTE.url, len(CONTENT), '"one"', None)
    journal = Journal.open(journal_path(part), offer, STEP if ranges else len(CONTENT))
    return FileTransfer(source, Way(REMOTE, "https://cdn/w", ranges, stall_s, Throttle(), threads), journal, part)


def test_the_whole_file_arrives_in_parts_and_is_hashed(part: Path) -> None:
    source, totals = Source(), list[int]()
    made = transfer(source, part)
    assert made.run(totals.append) == hashlib.sha256(CONTENT).hexdigest()
    made.journal.close()
    assert part.read_bytes() == CONTENT
    assert totals == sorted(totals)
    assert totals[-1] == len(CONTENT)
    assert sorted(headers["Range"] for headers, _ in source.asked) == [
        "bytes=0-4095",
        "bytes=4096-8191",
        "bytes=8192-10239",
    ]
    assert {headers["If-Range"] for headers, _ in source.asked} == {'"one"'}
    assert {at for _, at in source.asked} == {"https://cdn/w"}
    assert all(answer.closed for answer in source.answers)


def test_what_is_there_already_is_not_asked_for_again(part: Path) -> None:
    with part.open("r+b") as file:
        file.write(CONTENT[: STEP + 10])
    source = Source()
    made = transfer(source, part)
    made.journal.grow(0, STEP)
    made.journal.grow(1, 10)
    made.journal.close()
    made = transfer(source, part)
    assert made.run(lambda _: None) == hashlib.sha256(CONTENT).hexdigest()
    made.journal.close()
    assert sorted(headers["Range"] for headers, _ in source.asked) == ["bytes=4106-8191", "bytes=8192-10239"]


def test_a_source_without_ranges_is_read_in_one(part: Path) -> None:
    source = Source(status=200)
    made = transfer(source, part, ranges=False)
    assert made.run(lambda _: None) == hashlib.sha256(CONTENT).hexdigest()
    made.journal.close()
    assert source.asked == [({}, "https://cdn/w")]


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        (Source(etag='"two"'), SourceChangedError),
        (Source(status=416), SourceChangedError),
        (Source(content=CONTENT + b"more"), SourceChangedError),
        (Source(status=404), TransientFailure | DownloadFailed),
    ],
    ids=["another tag", "no such range", "another length", "not there"],
)
def test_another_file_than_the_one_that_was_begun_ends_it(part: Path, source: Source, failure: type[Exception]) -> None:
    made = transfer(source, part)
    with pytest.raises(Exception) as ended:  # noqa: PT011 - which one is looked at
        made.run(lambda _: None)
    made.journal.close()
    assert isinstance(ended.value, failure)
    assert all(answer.closed for answer in source.answers)


def test_a_connection_that_breaks_off_may_be_tried_again_and_keeps_its_bytes(part: Path) -> None:
    source = Source()
    source.cut = 1500
    made = transfer(source, part, threads=1)
    with pytest.raises(TransientFailure, match="broke off"):
        made.run(lambda _: None)
    made.journal.close()
    assert made.journal.total() == 1500


def test_a_trickle_counts_as_silence(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte a second never ends by itself."""
    now = [0.0]

    class Trickle(Answer):
        def read1(self, count: int) -> bytes:
            now[0] += 1.5
            return super().read1(1)

    monkeypatch.setattr(f"{__name__}.Answer", Trickle)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    made = transfer(Source(), part, stall_s=5, threads=1)
    with pytest.raises(TransientFailure, match="next to nothing"):
        made.run(lambda _: None)
    made.journal.close()
    assert made.journal.total() == 3, "the fourth came after more than five seconds"


def test_what_the_listener_raises_ends_every_thread(part: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    made = transfer(Source(), part)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        made.run(stop)
    made.journal.close()
    assert not set(threading.enumerate()) - before  # threads of other tests may end meanwhile


def test_a_throttle_shares_its_bytes_and_saves_up_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    throttle = Throttle(100)
    assert throttle.pause_s(50) == pytest.approx(0.5)
    assert throttle.pause_s(50) == pytest.approx(1.0)
    now[0] = 60
    assert throttle.pause_s(100) == 0
    assert throttle.pause_s(100) == pytest.approx(1.0)
    assert Throttle().pause_s(1 << 40) == 0
