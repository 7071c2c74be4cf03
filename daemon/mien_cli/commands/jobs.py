"""`mien jobs`: the queue of the running daemon."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Mapping


VERBS = {"cancel": "stop a job", "retry": "queue a failed or cancelled job again"}
WHOLE = {
    "pause": ("/v1/queue/pause", "start no further job; a running one continues"),
    "resume": ("/v1/queue/resume", "start jobs again"),
    "unload": ("/v1/worker/unload", "end the worker process and give its memory back"),
    "restart": ("/v1/worker/restart", "start the worker again after it died too often"),
}


def add_arguments(parser: ArgumentParser) -> None:
    nouns = parser.add_subparsers(metavar="ACTION", required=True)
    listing = nouns.add_parser("list", help="jobs, newest first")
    listing.add_argument("--state", metavar="STATES", help="only these, separated by commas: queued,running,done,…")
    listing.add_argument(
        "--limit", type=parse_count, default=100, metavar="N", help="at most N jobs (default: %(default)s)"
    )
    listing.set_defaults(run=list_jobs)
    showing = nouns.add_parser("show", help="one job")
    showing.add_argument("id", metavar="ID")
    showing.set_defaults(run=show_job)
    for verb, summary in VERBS.items():
        leaf = nouns.add_parser(verb, help=summary)
        leaf.add_argument("id", metavar="ID")
        leaf.set_defaults(run=change_job, verb=verb)
    for verb, (path, summary) in WHOLE.items():
        nouns.add_parser(verb, help=summary).set_defaults(run=change_queue, path=path)


def parse_count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError("the limit is a whole number, at least 1")
    return int(text)


def list_jobs(args: Namespace) -> int:
    from urllib.parse import urlencode

    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    daemon = DaemonClient.running(args.state_dir)
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(found) < args.limit:
        asked = {"limit": min(args.limit - len(found), 100), "state": args.state, "cursor": cursor}
        query = urlencode({name: value for name, value in asked.items() if value is not None}, errors="surrogateescape")
        page = daemon.request("GET", f"/v1/jobs?{query}")
        found += page["jobs"]
        cursor = page["next"]
        if cursor is None:
            break
    return print_answer(args, {"jobs": found, "next": cursor}, "\n".join(to_line(job) for job in found) or "no jobs")


def show_job(args: Namespace) -> int:
    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    job = DaemonClient.running(args.state_dir).request(
        "GET", f"/v1/jobs/{quote(args.id, safe='', errors='surrogateescape')}"
    )
    return print_answer(args, job, to_text(job))


def change_job(args: Namespace) -> int:
    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    job = DaemonClient.running(args.state_dir).request(
        "POST", f"/v1/jobs/{quote(args.id, safe='', errors='surrogateescape')}/{args.verb}"
    )
    return print_answer(args, job, to_line(job))


def change_queue(args: Namespace) -> int:
    from mien_api.client import DaemonClient
    from mien_cli.output import print_answer

    daemon = DaemonClient.running(args.state_dir)
    daemon.request("POST", args.path)
    health = daemon.request("GET", "/v1/health")
    queue, worker = health["queue"], health["worker"]
    told = f"{'paused' if queue['paused'] else 'running'}, {queue['queued']} waiting; the worker is {worker['state']}"
    return print_answer(args, {"queue": queue, "worker": worker}, told)


def to_line(job: Mapping[str, Any]) -> str:
    """A job in one line: its kind, its progress or state, and its problem."""
    state = f"{job['progress']:.0%}" if job["state"] == "running" else job["state"]
    reason = f"  {job['problem']['code']}" if job["problem"] else ""
    return f"{job['id']}  {job['kind']:<7}  {state:<9}  {job['created_at']}{reason}"


def to_text(job: Mapping[str, Any]) -> str:
    """A job in a few lines."""
    told = [to_line(job)]
    if job["stage"]:
        told.append(f"    stage {job['stage']}" + (f", {job['eta_s']} s to go" if job["eta_s"] is not None else ""))
    if job["problem"]:
        told.append(f"    {job['problem'].get('detail') or job['problem']['title']}")
    if job["result"]:
        told.append(f"    {job['result']['engine']}, {job['result']['seconds']} s, kept until {job['expires_at']}")
    return "\n".join(told)
