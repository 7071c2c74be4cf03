"""An encoder leaves no thread of the process above the other programs of the machine, root or not."""

import subprocess
import sys
from pathlib import Path

import pytest

from mien_testing.clips import Recipe, make_clip

SAYS = """
import os, sys
from contextlib import suppress
from pathlib import Path
from mien_pipeline.media.clip.encoders import choose_encoder
from mien_pipeline.media.clip.frames import read_frames, read_pictures
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.media.clip.segment import EncoderSettings, write_segment

def classes():
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # a thread that has ended since the folder was read
            found.add(os.sched_getscheduler(int(task.name)))
    return found

def watch(frames):
    for number, frame in enumerate(frames):
        if number > 1:
            assert classes() == {os.SCHED_OTHER}, number
        yield frame

clip = probe_clip(Path(sys.argv[1]))
settings = EncoderSettings(choose_encoder(clip, "av1"), 70)
assert classes() == {os.SCHED_OTHER}
times = [time for time, _ in read_pictures(clip)]
write_segment(Path(sys.argv[2]), watch(read_frames(clip, times)), clip, settings)
assert classes() == {os.SCHED_OTHER}
"""


@pytest.mark.slow
def test_no_thread_keeps_a_real_time_class(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", Recipe(times=tuple(range(6))))
    done = subprocess.run(
        [sys.executable, "-c", SAYS, str(clip), str(tmp_path / "s.mp4")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
