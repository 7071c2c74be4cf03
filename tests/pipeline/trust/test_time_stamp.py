"""A time-stamp authority is asked only where a person named one."""

import pytest

from mien_core.errors import MarkingFailed
from mien_pipeline.trust.time_stamp import time_stamp_url


def test_a_time_stamp_is_asked_for_only_by_who_chose_an_authority() -> None:
    assert time_stamp_url({}) is None
    assert time_stamp_url({"MIEN_TIME_STAMP": "https://stamp.example/tsr"}) == "https://stamp.example/tsr"
    assert time_stamp_url({"MIEN_TIME_STAMP": "https://stamp.example/tsr", "MIEN_OFFLINE": "1"}) is None
    with pytest.raises(MarkingFailed):
        time_stamp_url({"MIEN_TIME_STAMP": "file:///etc/passwd"})
