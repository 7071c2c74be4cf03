"""Logs say where an error was and of what kind, never what it said."""

import io
import logging
import subprocess
import sys

import pytest

from mien_core.redaction import RedactingFormatter, log_to


def test_a_logged_error_says_where_and_what_kind_but_not_what_it_said() -> None:
    def inner() -> None:
        raise ValueError("CANARY-INNER")

    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(RedactingFormatter("%(message)s"))
    log = logging.Logger("test")
    log.addHandler(handler)
    try:
        try:
            inner()
        except ValueError as error:
            raise OSError("CANARY-OUTER", "CANARY-PATH") from error
    except OSError:
        log.exception("incident %s", "0f0f")
    text = out.getvalue()
    assert "CANARY" not in text
    assert "OSError at test_redaction.py:" in text
    assert "ValueError at test_redaction.py:" in text
    assert "inner" in text
    assert "incident 0f0f" in text


@pytest.mark.parametrize("through", ["cause", "context"])
def test_errors_that_cause_each_other_are_each_said_once(through: str) -> None:
    one, two = ValueError("a"), OSError("b")
    for error, other in ((one, two), (two, one)):
        setattr(error, f"__{through}__", other)
    text = RedactingFormatter().formatException((ValueError, one, None))
    assert [line.split()[0] for line in text.splitlines()] == ["ValueError", "OSError"]
    own = KeyError("c")
    own.__cause__ = own
    assert RedactingFormatter().formatException((KeyError, own, None)).count("KeyError") == 1


def test_an_error_that_nobody_caught_is_logged_without_its_message() -> None:
    code = """
import logging, sys, threading
from mien_core.redaction import log_to
log_to(logging.StreamHandler(sys.stderr))
def fail(): raise RuntimeError("CANARY")
thread = threading.Thread(target=fail); thread.start(); thread.join()
fail()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("CRITICAL mien: uncaught") == 2
    assert done.stderr.count("RuntimeError at") == 2
    assert "CANARY" not in done.stderr


def test_logging_goes_to_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    root, hooks = logging.getLogger(), (sys.excepthook, __import__("threading").excepthook)
    before, level = list(root.handlers), root.level
    monkeypatch.setattr(sys, "excepthook", hooks[0])
    monkeypatch.setattr(__import__("threading"), "excepthook", hooks[1])
    out = logging.StreamHandler(io.StringIO())
    log_to(out)
    try:
        assert root.handlers == [out]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
