"""The priority of an encoder's threads.

SVT-AV1, when root runs it, gives its threads and the one that opens it the scheduler's real-time class, above all
other programs of the machine; whatever that thread starts later inherits it. Root is usual in containers.
"""

import os
from contextlib import suppress
from pathlib import Path

_THREADS = Path("/proc/self/task")


def calm_threads() -> None:
    """Give every thread of this process that is in a real-time class the usual class again. Linux only."""
    if not _THREADS.is_dir():
        return
    for task in _THREADS.iterdir():
        with suppress(OSError):  # it has ended, or this user may not; then it had no such class from here
            if os.sched_getscheduler(int(task.name)) != os.SCHED_OTHER:
                os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
