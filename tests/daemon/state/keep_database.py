"""Keep a database of this version for the tests of later ones: `python tests/daemon/state/keep_database.py`.

Run it in the commit that changes the tables. `version-1.db` was made by the program's first commits.
"""

import asyncio
import hashlib
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

from mien_daemon.state.database import Database
from mien_daemon.state.migrations import MIGRATIONS

KEPT = Path(__file__).parent / "kept"
AT = 1_795_000_000.0
REPORT = json.dumps({"engine": "mesh", "stages": {"generate": 4.0}})
LABEL = json.dumps({"target": "Strand.jpg", "references": [None]})
PROBLEM = json.dumps({"code": "no-face-found", "status": 422})
# State, started, finished, result, problem.
JOBS = (
    ("queued", None, None, None, None),
    ("running", AT + 1, None, None, None),
    ("done", AT + 1, AT + 9, REPORT, None),
    ("failed", AT + 1, AT + 9, None, PROBLEM),
    ("cancelled", None, AT + 9, None, None),
)


def fill(db: sqlite3.Connection) -> None:
    """A row of every kind in every table."""
    token = hashlib.sha256(b"mien_kept").digest()
    origin = "moz-extension://0f0f0f0f-0000-4000-8000-000000000000"
    clients = (
        ("c1", "nightly", "models swap", token, None, None, AT, AT + 60),
        ("c2", "Firefox on Linux", "swap", None, origin, bytes(range(32)), AT, None),
    )
    db.executemany("INSERT INTO clients VALUES (?, ?, ?, ?, ?, ?, ?, ?)", clients)
    for number in (0, 1):
        db.execute("INSERT INTO blobs VALUES (?, 100, ?, ?, 8, 8)", (str(number) * 64, AT, "png" if number else None))
        db.execute("INSERT INTO blob_owners VALUES (?, 'c1')", (str(number) * 64,))
    for number, (state, started, finished, result, problem) in enumerate(JOBS, 1):
        reference = (
            []
            if number == 5
            else [["ref:0f1e2d3c4b5a6978", "sha256:" + "1" * 64]]
            if number % 2
            else [["sha256:" + "1" * 64]]
        )
        db.execute(
            """INSERT INTO jobs (id, owner, kind, state, priority, position, target, reference, options, attempts,
               created_at, started_at, finished_at, expires_at, result, media_type, result_sha256, problem, group_name,
               label, starred)
               VALUES (?, 'c1', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                f"{number:024x}",
                "restore" if number == 5 else "swap",
                state,
                (number + 1) % 2,
                float(number),
                "sha256:" + "0" * 64,
                json.dumps(reference),
                json.dumps({"engine": "mesh", "seed": 7, "prompt": "größer"}),
                int(started is not None),
                AT,
                started,
                finished,
                finished and finished + 7 * 86_400,
                result,
                "image/png" if result else None,
                "ab" * 32 if result else None,
                problem,
                "Ferien 2026" if number % 2 else None,
                LABEL if number % 2 else None,
                int(state == "done"),
            ),
        )
        db.execute("INSERT INTO job_pictures VALUES (?, ?)", (f"{number:024x}", "0" * 64))
    point = b"\x04" + bytes(range(64))
    key = ("ab" * 16, "local", "c2", "http://127.0.0.1:6436", "Firefox on Linux", point, AT, AT + 60)
    db.execute("INSERT INTO console_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", key)
    db.execute("INSERT INTO idempotency VALUES ('c1', 'monday', ?, ?)", ("cd" * 32, f"{3:024x}"))


async def keep(folder: Path) -> None:
    database = Database(folder)
    await database.write(fill)
    database.close()
    shutil.copy(database.path, KEPT / f"version-{len(MIGRATIONS)}.db")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(keep(Path(folder)))
