"""Without a debugger attached, a job outlives the background that asked for it. Begun first, looked at last."""

import time
from typing import Any

JOB_S = 60.0


def test_a_job_of_a_minute_outlives_its_killed_background_and_is_delivered_once(
    sleeper: Any, second_daemon: Any, until: Any
) -> None:
    """An alarm wakes a new background within half a minute; it finds the job in the session's memory."""
    time.sleep(max(0.0, JOB_S - (time.monotonic() - sleeper.begun_at)))  # the job's own length
    assert sleeper.report()["source"] == "http"
    until(sleeper.background_processes)  # the alarm has woken a new background
    second_daemon.release()
    until(lambda: sleeper.report()["source"] == "blob")
    (job,) = second_daemon.jobs()
    assert job["state"] == "done"
    assert sleeper.report()["results"] == 1
