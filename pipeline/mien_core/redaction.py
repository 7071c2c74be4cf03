"""What a process that holds faces does so that nothing of them outlives it."""

import ctypes
import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

_PR_SET_DUMPABLE = 4  # prctl(2)
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def leave_no_core() -> None:
    """No core dump of this process, and on Linux no other process of this user reads its memory."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # A pipe in core_pattern (systemd-coredump, apport) ignores the limit; a process that is not dumpable is left.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def log_to(handler: logging.Handler, level: int = logging.INFO) -> None:
    """Send this process's log to `handler` and nowhere else, uncaught errors included, all of them discreet."""
    handler.setFormatter(Discreet(_LINE))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class Discreet(logging.Formatter):
    """Tracebacks say where and what kind of error, never what it said: messages quote names, paths and numbers."""

    def formatException(  # noqa: N802 - the library's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        lines: list[str] = []
        error = ei[1]
        while error is not None:
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
