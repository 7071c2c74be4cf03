"""Prometheus reads figures: in its own format, with a token, and nothing of a person in them."""

import re
from typing import Any

import pytest

from mien_daemon.routes.metrics import Metric, render

# prometheus.io/docs/instrumenting/exposition_formats: what a line of the text format may be.
LINE = re.compile(
    r"# HELP [a-zA-Z_:][\w:]* [^\n]+|# TYPE [a-zA-Z_:][\w:]* (counter|gauge|histogram|summary|untyped)"
    r'|[a-zA-Z_:][\w:]*(\{[a-zA-Z_]\w*="(\\.|[^"\\\n])*"(,[a-zA-Z_]\w*="(\\.|[^"\\\n])*")*\})? -?[\d.]+(e[+-]?\d+)?'
)


def test_a_label_is_escaped_as_the_format_says() -> None:
    metric = Metric("mien_info", "gauge", "Words.", [({"version": 'a"b\\c\nd'}, 1)])
    lines = "".join(render([metric])).splitlines()
    assert lines[-1] == r'mien_info{version="a\"b\\c\nd"} 1'
    assert all(LINE.fullmatch(line) for line in lines)


@pytest.mark.slow
async def test_figures_count_jobs_and_workers_and_name_nobody(open_daemon: Any) -> None:
    async with open_daemon(settings={"metrics": True}) as daemon:
        job = await daemon.finished(await daemon.swap())
        token = await daemon.token("swap", "a scraper")
        answer = await daemon.ask("GET", "/metrics", token=token)
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.body.decode()
        assert all(LINE.fullmatch(line) for line in text.splitlines())
        assert 'mien_jobs_finished_total{state="done"} 1' in text
        assert 'mien_jobs{state="queued"} 0' in text
        assert 'mien_job_seconds{kind="swap",engine="flux"}' in text
        assert 'mien_worker_deaths{worker="0",device="cpu"} 0' in text
        assert not [word for word in (job["id"], job["target"][7:], "scraper", str(daemon.state)) if word in text]
        assert (await daemon.ask("GET", "/metrics", token=None)).code == "unpaired"


async def test_nothing_is_there_until_a_person_opens_it(daemon: Any) -> None:
    assert (await daemon.ask("GET", "/metrics")).code == "unknown-route"
