"""Options promise: checked once, by name; private words marked as such; another engine's options are an error."""

import pytest
from pydantic import Field

from mien_core.errors import InvalidOptions
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.options import (
    RestoreOptions,
    SwapOptions,
    WrongOptions,
    parse_restore_options,
    private_fields,
    public_settings,
    require_options,
    validate,
)

LIKE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


class Recoloured(SwapOptions, frozen=True):
    """The options of an engine that does not exist."""

    engine: str = "made-up"
    tone: str = "warm"
    whim: str = Field(default="", json_schema_extra={"private": True})


def test_a_new_choice_of_any_engine_is_public_without_being_listed_anywhere() -> None:
    assert public_settings(Recoloured(tone="cold"))["tone"] == "cold"


def test_what_a_field_calls_private_is_not_public() -> None:
    assert "whim" not in public_settings(Recoloured(whim="my own words"))


@pytest.mark.parametrize("engine", ENGINES)
def test_every_free_text_of_every_engine_is_private_and_nothing_else_is(engine: str) -> None:
    """The names of an engine and of a restorer are those of a table."""
    kind, of_tables = ENGINES[engine].options, {"engine", "restorer"}
    free = {name for name, field in kind.model_fields.items() if field.annotation is str} - of_tables
    assert private_fields(kind) == free


def test_numbers_switches_choices_and_lists_are_public_as_json() -> None:
    told = public_settings(MeshOptions(faces=(0, 2), gaze="reference", format="png"))
    assert told == {
        "engine": "mesh", "faces": [0, 2], "seed": 0, "restore": 0.0, "format": "png", "shape": 0.7,
        "gaze": "reference", "mask": "auto", "eyes": "fitting", "detector": "auto", "restorer": "vivid",
        "fidelity": 0.5, "recogniser": "dlib", "masks": [], "fallback": False,
    }  # fmt: skip


def test_the_picture_that_a_face_was_found_by_stays_untold() -> None:
    """Its digest in a result would tell whoever has the picture who was looked for."""
    options = MeshOptions.model_validate({"faces": {"like": [LIKE, OTHER]}})
    assert options.likes == (LIKE, OTHER)
    assert public_settings(options)["faces"] == "like"
    assert MeshOptions.model_validate(options.model_dump(mode="json")) == options


@pytest.mark.parametrize("faces", [{"like": "her.jpg"}, {"like": LIKE, "most": 2}, {"like": []}, [{"like": LIKE}], {}])
def test_what_is_no_digest_of_a_picture_is_refused_by_the_name_of_the_option(faces: object) -> None:
    with pytest.raises(InvalidOptions) as refused:
        validate(MeshOptions, {"faces": faces}, "mesh")
    assert refused.value.fields == {"field": "faces"}


def test_an_engine_takes_its_own_options_as_they_are() -> None:
    own = MeshOptions(shape=0.2)
    assert require_options(own, MeshOptions) is own


def test_another_engines_options_are_never_replaced_by_defaults() -> None:
    with pytest.raises(WrongOptions, match="MeshOptions are needed here, these are FluxOptions"):
        require_options(FluxOptions(), MeshOptions)


def test_options_cannot_be_changed_on_their_way() -> None:
    with pytest.raises(ValueError, match="frozen"):
        MeshOptions().shape = 0.1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("raw", "field", "says"),
    [
        ({"amount": 2}, "amount", "amount: Input should be less than or equal to 1"),
        ({"amount": True}, "amount", "amount: Input should be a valid number"),
        ({"format": "bmp"}, "format", "format: Input should be 'jpeg', 'png', 'webp', 'avif' or 'tiff'"),
        ({"strength": 1}, "strength", "a restore has no option 'strength'"),
    ],
)
def test_a_refusal_names_the_option_and_what_is_wrong(raw: dict[str, object], field: str, says: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        parse_restore_options(raw)
    assert refused.value.fields["field"] == field
    assert str(refused.value) == says


def test_a_restore_adds_half_of_the_detail_by_default() -> None:
    assert parse_restore_options({}) == RestoreOptions(amount=0.5)


def test_a_wrong_member_of_a_list_is_named_by_the_option() -> None:
    with pytest.raises(InvalidOptions) as refused:
        validate(FluxOptions, {"id_steps": [1, 99]}, "flux")
    assert refused.value.fields["field"] == "id_steps"


@pytest.mark.parametrize(
    ("option", "allowed", "refused"),
    [
        ("restore", [0, 0.5, 1], [-0.01, 1.01]),
        ("seed", [0, 2**63 - 1], [-1, 2**63]),
        ("faces", ["all", "largest", [0, 99]], [[-1], [100], "some"]),
        ("format", ["avif", None], ["gif"]),
    ],
)
def test_what_every_engine_understands_has_bounds(option: str, allowed: list[object], refused: list[object]) -> None:
    for value in allowed:
        validate(MeshOptions, {option: value}, "mesh")
    for value in refused:
        with pytest.raises(InvalidOptions) as error:
            validate(MeshOptions, {option: value}, "mesh")
        assert error.value.fields["field"] == option


@pytest.mark.parametrize("amount", [0, 1])
def test_a_restore_takes_all_of_the_detail_or_none(amount: float) -> None:
    assert parse_restore_options({"amount": amount}).amount == amount


def test_a_negative_amount_is_refused() -> None:
    with pytest.raises(InvalidOptions):
        parse_restore_options({"amount": -0.01})


def test_by_default_the_largest_face_is_swapped_with_seed_0_in_its_own_format_and_not_restored() -> None:
    made = MeshOptions()
    assert (made.faces, made.seed, made.format, made.restore) == ("largest", 0, None, 0.0)
