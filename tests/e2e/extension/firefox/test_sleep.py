"""In Firefox a job outlives the background that asked for it. Begun first, looked at last."""

from typing import Any


def test_a_job_outlives_its_evicted_background_and_is_delivered_once(dozing: Any) -> None:
    """An alarm wakes the background within half a minute; it finds the job in the session's memory."""
    browser, page = dozing
    browser.until(lambda: browser.shows_result(page, "#it"))
    assert browser.evaluate(page, "performance.getEntriesByType('mark').length") == 1
