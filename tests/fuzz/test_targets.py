"""Whatever bytes come, each reader answers or refuses by name, within its time and memory.

A few hundred mutations of what honest senders send, the same in every run; `nox -s fuzz` follows coverage for minutes.
What either found is in `FOUND`.
"""

import warnings
from collections.abc import Generator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien_testing.fuzz_targets import MAX_BYTES, Target, every_target, try_input

pytestmark = pytest.mark.slow

NAMES = (
    "probe",
    "decode",
    "preview",
    "metadata",
    "credentials",
    "parent",
    "range",
    "job",
    "options",
    "query",
    "event-id",
    "pairing",
    "pairing-step",
    "point",
    "reference",
    "reference-change",
    "move",
    "worker-frame",
    "index-page",
    "library-index",
)
EXAMPLES = 60

# An empty body where a member is needed, and a number with more digits than Python's own parser takes: both were 500.
FOUND = [
    ("pairing", b""),
    ("reference", b""),
    ("move", b""),
    ("reference", b'{"name": ' + b"1" * 4300 + b"}"),
    ("job", b'{"kind": "swap", "target": ' + b"9" * 4300 + b"}"),
    ("event-id", "²".encode()),
    ("range", "bytes=٣-٩".encode()),
    ("query", b"wait=1.\xff5"),
    ("query", b"wait=nan"),
    ("query", b"wait=1e999"),
    ("query", b"cursor=" + b"9" * 18),
]


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, Target]]:
    with every_target(tmp_path_factory.mktemp("state")) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, on what is damaged
        yield made


Change = tuple[str, int, bytes]
# Where, as a share of the length, and what: cut there, put in there, write over, take away, say again.
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["cut", "insert", "write", "remove", "repeat"]),
        st.integers(0, 1 << 16),
        st.binary(min_size=1, max_size=8)
        | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b'"', b"{", b"["]),
    ),
    min_size=1,
    max_size=4,
)


def apply(data: bytes, changes: list[Change]) -> bytes:
    for kind, share, piece in changes:
        at = len(data) * share >> 16
        match kind:
            case "cut":
                data = data[:at]
            case "insert":
                data = data[:at] + piece + data[at:]
            case "write":
                data = data[:at] + piece + data[at + len(piece) :]
            case "remove":
                data = data[:at] + data[at + 4 * len(piece) :]
            case _:
                data = data[:at] + data[at : at + 16] * len(piece) + data[at:]
    return data[:MAX_BYTES]


def test_every_reader_is_tried(targets: dict[str, Target]) -> None:
    assert set(targets) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_honest_senders_send_is_read(targets: dict[str, Target], name: str) -> None:
    target = targets[name]
    assert target.seeds()
    for seed in target.seeds():
        try_input(target, seed)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_bytes_are_read_or_refused_by_name(targets: dict[str, Target], name: str) -> None:
    target = targets[name]
    seeds = target.seeds()

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None)
    @given(st.integers(0, len(seeds) - 1), CHANGES)
    def damage(number: int, changes: list[Change]) -> None:
        try_input(target, apply(seeds[number], changes))

    damage()


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_stays_mended(targets: dict[str, Target], name: str, data: bytes) -> None:
    try_input(targets[name], data)
