"""What only a clip takes is named as people name it, checked at once, and refused with a picture."""

import pytest

from mien_core.errors import InvalidOptions
from mien_pipeline.clip_options import (
    ClipOptions,
    describe_clip_options,
    parse_clip_options,
    refuse_clip_options,
    require_clip_options,
    require_clips,
    split_clip_options,
)
from mien_pipeline.engines.registry import ENGINES, parse_options
from mien_pipeline.options import SwapOptions


def test_options_are_read_by_the_names_that_people_give_them() -> None:
    assert parse_clip_options({}) == ClipOptions()
    assert parse_clip_options({"encoder": "auto", "quality": None}) == ClipOptions()
    given = parse_clip_options({"from": 1, "to": 2.5, "encoder": "vp9", "quality": 30, "every": 8})
    assert given == ClipOptions(begin_s=1.0, end_s=2.5, encoder="vp9", quality=30, every=8)
    assert parse_clip_options({"format": "gif", "encoder": "auto"}).format == "gif"


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"from": -1}, "from"),
        ({"to": 0}, "to"),
        ({"from": "soon"}, "from"),
        ({"from": float("nan")}, "from"),
        ({"from": True}, "from"),
        ({"from": 2, "to": 2}, "from"),
        ({"encoder": "mpeg1"}, "encoder"),
        ({"encoder": "av1", "format": "gif"}, "encoder"),
        ({"format": "mkv"}, "format"),
        ({"quality": 101}, "quality"),
        ({"every": 0}, "every"),
        ({"every": 31}, "every"),
        ({"every": 1.5}, "every"),
        ({"begin_s": 1}, "begin_s"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_that_was_given(raw: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        parse_clip_options(raw)
    assert refused.value.fields["field"] == field


def test_what_a_user_interface_offers_is_what_is_taken() -> None:
    told = describe_clip_options()
    assert list(told) == ["from", "to", "format", "encoder", "quality", "every"]
    assert [name for name, schema in told.items() if "control" in schema] == ["format", "encoder", "quality", "every"]
    assert told["format"]["enum"] == ["mp4", "gif", "webp"]
    for schema in told.values():
        assert "anyOf" not in schema
        assert schema["description"]
    choices, bounds = told["encoder"]["enum"], (told["quality"]["minimum"], told["quality"]["maximum"])
    assert isinstance(choices, list)
    for encoder in choices:
        parse_clip_options({"encoder": encoder, "quality": told["quality"]["default"]})
    for quality in bounds:
        parse_clip_options({"quality": quality})


def test_options_of_engine_and_clip_are_told_apart() -> None:
    assert split_clip_options({"engine": "mesh", "from": 1}) == ({"engine": "mesh"}, {"from": 1})
    assert split_clip_options({"engine": "mesh", "quality": 60}) == ({"engine": "mesh", "quality": 60}, {"quality": 60})
    refuse_clip_options({"quality": 60}, "a.png")
    with pytest.raises(InvalidOptions) as refused:
        refuse_clip_options({"from": 1}, "a.png")
    assert refused.value.fields["field"] == "from"


@pytest.mark.parametrize(
    ("format", "of_picture", "of_clip"),
    [("gif", False, True), ("mp4", False, True), ("webp", True, True), ("png", True, False), ("mkv", True, False)],
)
def test_a_format_goes_where_it_is_known(format: str, of_picture: bool, of_clip: bool) -> None:
    asked = {"format": format}
    assert split_clip_options(asked) == (asked if of_picture else {}, asked if of_clip else {})


def test_a_picture_becomes_no_gif() -> None:
    refuse_clip_options({"format": "webp"}, "a.png")
    with pytest.raises(InvalidOptions) as refused:
        refuse_clip_options({"format": "gif"}, "a.png")
    assert refused.value.fields["field"] == "format"


@pytest.mark.parametrize(
    ("option", "value"), [("format", "png"), ("restore", 0.5), ("recogniser", "arcface"), ("fallback", True)]
)
def test_what_only_a_picture_takes_is_refused_with_a_clip(option: str, value: object) -> None:
    with pytest.raises(InvalidOptions) as refused:
        require_clip_options(SwapOptions.model_validate({"engine": "mesh", option: value}))
    assert refused.value.fields["field"] == option


@pytest.mark.parametrize("engine", [name for name, entry in ENGINES.items() if entry.experimental])
def test_an_experimental_engine_is_refused_with_a_clip(engine: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        require_clip_options(parse_options({"engine": engine}))
    assert refused.value.fields["field"] == "engine"


def test_every_other_engine_goes_with_a_clip() -> None:
    for engine in [name for name, entry in ENGINES.items() if not entry.experimental]:
        require_clip_options(parse_options({"engine": engine}))


def test_the_library_that_tests_install_is_found() -> None:
    require_clips()
