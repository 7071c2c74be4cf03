"""A job that has ended, in the daemon's own words, for those that read the API."""

import time

from mien_daemon.jobs.job import Job, JobRequest, Kind, describe
from mien_daemon.jobs.label import JobLabel


def describe_done(
    name: str, *, kind: Kind = "swap", label: JobLabel | None = None, keep_s: float = 3600.0, is_starred: bool = False
) -> dict[str, object]:
    """A job that has ended now, as the API shows it; its result is kept for `keep_s`."""
    now = time.time()
    ask = JobRequest(kind, "sha256:" + "0" * 64, (("sha256:" + "1" * 64,),), {"engine": "mesh"}, label=label)
    return describe(
        Job(1, name, "local", ask, "done", 1.0, 1, now, now, now, now + keep_s, is_starred=is_starred), None
    )
