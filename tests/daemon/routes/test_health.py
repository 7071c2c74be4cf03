"""Health says what works, what waits, and what a person should know."""

from pathlib import Path
from typing import Any

LIMITS = {"max_blob_bytes": 100_000, "max_clip_bytes": 200_000, "max_pixels": 1000, "max_queued": 7}


async def test_health_names_version_device_queue_worker_and_limits(open_daemon: Any) -> None:
    async with open_daemon(settings=LIMITS) as daemon:
        health = (await daemon.ask("GET", "/v1/health")).json
    assert set(health) == {"version", "device", "engine", "queue", "worker", "workers", "limits", "degraded", "notices"}
    assert health["limits"] == LIMITS
    assert health["queue"] == {"queued": 0, "running": 0, "paused": False}
    assert health["worker"] == {"state": "stopped", "pid": None, "device": "cpu", "engine": None, "deaths": 0}
    assert health["workers"] == [health["worker"]]
    assert (health["degraded"], health["notices"]) == (False, [])


async def test_a_damaged_database_is_told_with_the_name_of_its_copy(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "damaged"
    state.mkdir(mode=0o700)
    (state / "mien.db").write_bytes(b"not a database, and longer than a header " * 100)
    async with open_daemon(state) as daemon:
        (notice,) = (await daemon.ask("GET", "/v1/health")).json["notices"]
    (copy,) = (path.name for path in state.iterdir() if path.name.startswith("mien.db.damaged"))
    assert copy in notice
