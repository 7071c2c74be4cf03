"""What the worker tells and shows of a clip while it works, and which of its runs it takes up."""

from pathlib import Path
from typing import Any

import numpy as np

from mien_daemon.worker.clips import CROP_SIDE, SegmentWatch, is_about_a_clip, lay_out, open_run
from mien_daemon.worker.messages import RunJob
from mien_pipeline.clip_options import ClipOptions
from mien_pipeline.clips.analysis import PersonSeen
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.media.decode import decode
from mien_pipeline.progress import Progress
from mien_pipeline.swap_clip import ClipTarget
from mien_testing.clips import Recipe, make_clip
from mien_testing.daemon import png


def job(target: Path, run: Path, **options: object) -> RunJob:
    return RunJob("a", "swap", str(target), [], {"engine": "mesh", **options}, str(run.parent / "result"), run=str(run))


def test_the_bytes_of_a_target_say_whether_it_is_a_clip(tmp_path: Path) -> None:
    clip, picture = make_clip(tmp_path / "clip.mp4", Recipe(times=(0, 1))), tmp_path / "picture.mp4"
    clip = clip.rename(tmp_path / "clip.png")
    picture.write_bytes(png())
    assert is_about_a_clip(job(clip, tmp_path / "run"))
    assert not is_about_a_clip(job(picture, tmp_path / "run"))


def test_a_picture_of_the_newest_segment_lies_beside_the_result(tmp_path: Path) -> None:
    """Upright, and at most half the clip's size."""
    told = list[Any]()
    source = make_clip(tmp_path / "a.mp4", Recipe(size=(320, 180), rotation=90, times=tuple(range(96))))
    run, preview = tmp_path / "run", tmp_path / "preview.jpg"
    run.mkdir()
    target = ClipTarget(source, probe_clip(source), ClipOptions(), run, lambda make: make(tmp_path / "result"))
    watch = SegmentWatch(target, preview, lambda progress, segments: told.append((progress.done, segments)))
    watch.tell(Progress("generate", 0, 1))
    watch.tell(Progress("generate", 47, 96))
    assert not preview.exists()
    make_clip(run / "segment-00000.mp4", Recipe(size=(320, 180), times=(0, 1)))
    watch.tell(Progress("generate", 48, 96))
    watch.tell(Progress("mark", 0, 1))
    assert told == [(0, (0, 0)), (47, (0, 2)), (48, (1, 2)), (0, (0, 0))]
    assert decode(preview.read_bytes()).pixels.shape[:2] == (160, 90)


def test_a_segment_that_cannot_be_shown_costs_no_job(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", Recipe())
    target = ClipTarget(source, probe_clip(source), ClipOptions(), tmp_path, lambda make: make(tmp_path / "result"))
    (tmp_path / "segment-00000.mp4").write_bytes(b"no clip")
    told = list[Any]()

    def take(_progress: Progress, segments: tuple[int, int]) -> None:
        told.append(segments)

    SegmentWatch(target, tmp_path / "preview.jpg", take).tell(Progress("generate", 1, 24))
    assert told == [(1, 1)]


def test_a_run_is_taken_up_with_the_same_faces_and_settings_alone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = open_run(job(tmp_path / "a", run), [[b"a face"]])
    first.mkdir(parents=True)
    assert open_run(job(tmp_path / "a", run), [[b"a face"]]) == first
    assert first.exists()
    for other, faces in ((job(tmp_path / "a", run), [[b"another"]]), (job(tmp_path / "a", run, seed=2), [[b"a face"]])):
        first.mkdir(exist_ok=True)
        assert open_run(other, faces) != first
        assert not first.exists(), "what is no longer wanted goes"


def test_the_faces_of_a_clip_are_laid_out_in_one_picture() -> None:
    people = [
        PersonSeen(
            np.zeros(4, np.float32),
            np.full((120, 80 + 10 * number, 3), 20 * number, np.uint8),
            np.zeros((468, 3), np.float32),
        )
        for number in range(8)
    ]
    sheet, crops = lay_out(people)
    pixels = decode(sheet).pixels
    assert pixels.shape[:2] == (2 * CROP_SIDE, 6 * CROP_SIDE)
    for number, (left, top, width, height) in enumerate(crops):
        assert max(width, height) == CROP_SIDE
        middle = pixels[top + height // 2, left + width // 2].astype(int)
        assert np.abs(middle - 20 * number).max() < 8
