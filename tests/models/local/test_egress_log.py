"""Every connection leaves a line, private and without a path; the log stays small."""

from pathlib import Path

from mien_models.local.egress_log import Connection, EgressLog


def test_a_connection_leaves_its_time_host_and_model(tmp_path: Path) -> None:
    log = EgressLog(tmp_path / "new" / "egress.log")
    log.note("cdn.hf.co", 443, "a-model")
    (line,) = log.read()
    assert line == Connection(line.at, "cdn.hf.co:443", "a-model")
    assert line.at.endswith("+00:00")


def test_the_latest_lines_are_read_oldest_first(tmp_path: Path) -> None:
    log = EgressLog(tmp_path / "egress.log")
    for number in range(5):
        log.note(f"host{number}", None, "m")
    assert [line.host for line in log.read(last=2)] == ["host3", "host4"]


def test_half_a_line_is_left_out(tmp_path: Path) -> None:
    log = EgressLog(tmp_path / "egress.log")
    log.note("host", None, "m")
    with log.path.open("a") as file:
        file.write("2026-01-01T00:00:00+00:00 ho")
    assert [line.host for line in log.read()] == ["host"]


def test_the_egress_log_keeps_its_last_megabyte_and_the_one_before(tmp_path: Path) -> None:
    log = EgressLog(tmp_path / "egress.log")
    log.path.write_text("x" * (1 << 20) + "\n")
    log.note("huggingface.co", None, "a-model")
    log.note("cdn.hf.co", 443, "a-model")

    assert [(line.host, line.model) for line in log.read()] == [
        ("huggingface.co", "a-model"),
        ("cdn.hf.co:443", "a-model"),
    ]
    assert (tmp_path / "egress.log.1").stat().st_size > 1 << 20
    assert log.path.stat().st_mode & 0o077 == 0


def test_a_log_that_nobody_wrote_is_empty(tmp_path: Path) -> None:
    assert list(EgressLog(tmp_path / "egress.log").read()) == []
