"""Logs that quote nothing of a person: a traceback keeps its places and loses its messages."""

import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to(handler: logging.Handler, level: int = logging.INFO) -> None:
    """Send this process's log to `handler` and nowhere else, uncaught errors included, all of them redacted."""
    handler.setFormatter(RedactingFormatter(_LINE))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class RedactingFormatter(logging.Formatter):
    """Tracebacks with the places and kinds of errors, never their messages: those quote names, paths and numbers."""

    def formatException(  # noqa: N802 - the library's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        lines: list[str] = []
        error, seen = ei[1], set[int]()
        while error is not None and id(error) not in seen:  # an error may be its own cause
            seen.add(id(error))
            frames = traceback.extract_tb(error.__traceback__)
            where = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
            lines.append(f"  {type(error).__name__} at {where}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("mien").critical("uncaught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log_uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
