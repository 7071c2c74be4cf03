"""The tray with nothing to do: what it keeps in memory, and how much of a core a minute of waiting takes."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from mien_models.store import ModelStore
from mien_pipeline.evaluation.measures import Row
from mien_testing.desktop import open_desk, open_display
from mien_testing.panel import Panel, until

MINUTE_S = 60.0


def rows(store: ModelStore) -> Iterator[Row]:
    """With an icon in a panel and a daemon that runs; no model is needed."""
    del store
    with open_display() as screen, open_desk(screen) as desk:
        panel = Panel(desk.environ["DBUS_SESSION_BUS_ADDRESS"])
        tray = desk.mien("tray")
        until(lambda: panel.title() == "Mien · Idle", "an idle tray")
        before, began = cpu_s(tray.pid), time.monotonic()
        time.sleep(MINUTE_S)
        share = (cpu_s(tray.pid) - before) / (time.monotonic() - began)
        yield Row("tray idle, resident", resident_mb(tray.pid), "MB", 60)
        yield Row("tray idle for a minute, of one core", 100 * share, "%", 0.5)
        panel.close()


def resident_mb(pid: int) -> float:
    """As proc(5) has it, shared pages included."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(pid: int) -> float:
    """User and system time of all its threads; after the name's closing bracket they are fields 12 and 13."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
