"""What a process gives up before it touches a picture: see `mien_core.cage` for the walls and where there are any."""

import logging
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from mien_core.cage import walls
from mien_core.cage.walls import GIB, Cage
from mien_core.hardening import disable_core_dumps, forbid_network, forbid_programs
from mien_daemon.state.personal_data import memory_folder
from mien_daemon.worker.messages import SetUp
from mien_models.local.derived import FOLDER as DERIVED

log = logging.getLogger(__name__)

NICE = 5  # the front process answers while every core swaps; nothing else on the machine stutters either
# 120 megapixels of sixteen bits in RGBA, as read and once converted, with the libraries: 1.2 GB was measured.
SMALL_BYTES = 2 * GIB
# A clip's result may be larger than the clip: an old codec's 4 GiB are AV1 of the best quality.
CLIP_BYTES = 16 * GIB


def isolate(cage: Cage) -> None:
    """Private files, no core dumps, the lowest claim on the processor, and the cage.

    Core dumps would hold faces. Nothing of this can be taken back by code that is loaded later. Call it before any
    thread runs.
    """
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the daemon's to answer
    if sys.platform != "win32":
        os.nice(NICE)
    if cage.writable:
        os.environ["TMPDIR"] = str(cage.writable[0])
        tempfile.tempdir = None  # what was chosen before would be out of reach
    open_walls = walls.close(cage)
    disable_core_dumps()
    forbid_network(web=cage.web)
    forbid_programs()
    if open_walls and sys.platform == "linux":
        log.warning("open walls: %s", "; ".join(f"{wall} ({why})" for wall, why in open_walls.items()))


def worker_cage(set_up: SetUp, *, web: bool) -> Cage:
    """The worker reads models, pictures that were sent and opened references.

    It writes results on their way, how much memory was too much for the machine, and what it derives from weights. A
    worker that was given folders reads and writes pictures there alone.
    """
    state, given = Path(set_up.state), [Path(folder) for folder in set_up.folders]
    own = () if given else ("blobs", "spool")
    for folder in (*own, "machine"):  # a folder that is made later would not be the one that was let in
        with suppress(OSError):  # the state folder was removed, and the daemon begins a new one
            (state / folder).mkdir(mode=0o700)
    derived = Path(set_up.models) / DERIVED
    with suppress(OSError):  # there is none yet, or it is only read
        derived.mkdir()
    memory = None if given else memory_folder(state)
    catalogue = os.environ.get("MIEN_CATALOGUE")
    return Cage(
        readable=[
            *(Path(set_up.models), *([] if given else [state / "blobs"])),
            *([memory] if memory else []),
            *([Path(catalogue)] if catalogue else []),
        ],
        writable=[*(given or [state / "spool"]), state / "machine", derived],
        memory_bytes=walls.most_memory_bytes(),
        file_bytes=CLIP_BYTES,
        web=web,
        accelerator=walls.has_accelerator(),
    )
