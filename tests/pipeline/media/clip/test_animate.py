"""An animated GIF or WebP shows every picture for as long as it was, as often as is asked for, and says what it is."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from mien_pipeline.image import Pixels
from mien_pipeline.media.clip.animate import Animation, AnimationFormat, write_animation
from mien_pipeline.media.clip.animated import count_plays, is_animated, read_animation, read_words
from mien_pipeline.media.kinds import looks_like_clip, read_head
from mien_pipeline.media.metadata import write_packet
from mien_testing.clips import draw_square

MILLISECONDS = (500, 600, 800, 850, 883, 1300)
PICTURES = [draw_square(number * 5, (96, 70)) for number in range(5)]


def write(
    path: Path,
    format: AnimationFormat,
    plays: int = 0,
    times: tuple[int, ...] = MILLISECONDS,
    pictures: Sequence[Pixels] = PICTURES,
) -> Path:
    how = Animation(format, [Fraction(time, 1000) for time in times], plays, 70)
    write_animation(path, pictures[: len(times) - 1], how, "Made by a test.", write_packet("A", "Made by a test."))
    return path


@pytest.mark.parametrize(("format", "durations"), [("gif", [100, 200, 50, 30, 420]), ("webp", [100, 200, 50, 33, 417])])
def test_every_picture_is_shown_for_as_long_as_it_was(
    format: AnimationFormat, durations: list[int], tmp_path: Path
) -> None:
    """To 10 ms and to 1 ms, which is what each can tell; an error is not carried on to the next."""
    read = list(read_animation(write(tmp_path / f"a.{format}", format)))
    assert [duration for _, duration in read] == durations
    for (pixels, _), drawn in zip(read, PICTURES, strict=True):
        assert np.abs(pixels.astype(int) - drawn).mean() < 5


@pytest.mark.parametrize("format", ["gif", "webp"])
@pytest.mark.parametrize("plays", [0, 1, 4])
def test_it_is_shown_as_often_as_is_asked_for(format: AnimationFormat, plays: int, tmp_path: Path) -> None:
    assert count_plays(write(tmp_path / f"a.{format}", format, plays)) == plays


@pytest.mark.parametrize(("loop", "plays"), [({}, 1), ({"loop": 0}, 0), ({"loop": 3}, 4)])
def test_a_gif_of_another_program_says_how_often_it_is_shown_again(
    loop: dict[str, int], plays: int, tmp_path: Path
) -> None:
    first, *others = [PIL.Image.fromarray(each) for each in PICTURES]
    options: dict[str, Any] = {"save_all": True, "append_images": others, **loop}
    first.save(tmp_path / "a.gif", **options)
    assert count_plays(tmp_path / "a.gif") == plays


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_the_file_says_what_was_done(format: AnimationFormat, tmp_path: Path) -> None:
    assert "Made by a test." in read_words(write(tmp_path / f"a.{format}", format)).values()


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_one_picture_is_an_animation_too(format: AnimationFormat, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{format}", format, times=(0, 400))
    with PIL.Image.open(path) as picture:
        assert (picture.size, getattr(picture, "n_frames", 1)) == ((96, 70), 1)
    assert looks_like_clip(read_head(path))
    assert is_animated(path)


@pytest.mark.parametrize("format", ["gif", "webp"])
@pytest.mark.parametrize("drawn", [(0, 1, 1, 1, 1), (0, 0, 1, 1, 0), (0, 0, 0, 0, 0), (0,)])
def test_a_picture_that_stands_still_costs_no_time(
    format: AnimationFormat, drawn: tuple[int, ...], tmp_path: Path
) -> None:
    """libwebp makes one picture of equal ones, and a still file of one; its times, rounds and words stay."""
    times = tuple(range(0, 500 * len(drawn) + 1, 500))
    path = write(tmp_path / f"a.{format}", format, 3, times, [PICTURES[number] for number in drawn])
    read = list(read_animation(path))
    assert sum(duration for _, duration in read) == 500 * len(drawn)
    assert count_plays(path) == 3
    assert "Made by a test." in read_words(path).values()
    assert np.abs(read[-1][0].astype(int) - PICTURES[drawn[-1]]).mean() < 5


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_what_ends_the_writing_leaves_nothing_beside_the_file(format: AnimationFormat, tmp_path: Path) -> None:
    def draw() -> Iterator[Pixels]:
        yield PICTURES[0]
        raise KeyboardInterrupt

    how = Animation(format, [Fraction(number) for number in range(4)], 0, 70)
    with pytest.raises(KeyboardInterrupt):
        write_animation(tmp_path / "a.part", draw(), how, "", b"")
    assert [path.name for path in tmp_path.iterdir() if path.name != "a.part"] == []


def test_pictures_that_browsers_would_slow_down_are_left_out_and_the_others_keep_their_times() -> None:
    """60 a second become 40 in a GIF; a WebP has them all."""
    times = [Fraction(number, 60) for number in range(7)]
    shown, ticks = Animation("gif", times, 0, 70).choose_shown()
    assert (shown, ticks) == ([0, 1, 3, 4], [0, 2, 5, 7, 10])
    shown, ticks = Animation("webp", times, 0, 70).choose_shown()
    assert (shown, ticks) == (list(range(6)), [0, 17, 33, 50, 67, 83, 100])
