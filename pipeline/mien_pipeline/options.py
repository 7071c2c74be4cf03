"""What a person may ask of a job: frozen models, each option with its default, bounds and meaning.

An engine adds options of its own to `SwapOptions`. A way in (a request, a command line) checks them once with
`engines.registry.parse_options`; from there on the value is what travels. No numpy here: the daemon's front process
reads requests with these.

What a field says of itself beyond its JSON schema, in `json_schema_extra`:

    private: a person's own words. They leave the machine in no result.
    control: "main" or "advanced", where a user interface shows a control for it; without it, none.
    step: how far one notch of its slider goes.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError

from mien_core.errors import InvalidOptions, TooManyPictures

MOST_PICTURES = 20
"""So many pictures of one person are read at most: more of them add time, and no side of a face."""

Picture = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]


class Like(BaseModel, frozen=True, extra="forbid"):
    """The face that is most like the one in a picture; of several pictures one face each, in their order."""

    like: Picture | Annotated[tuple[Picture, ...], Field(min_length=1, max_length=20)] = Field(
        description="The picture, or the pictures, by the digest of their bytes."
    )


FaceChoice = Literal["largest", "all"] | tuple[Annotated[int, Field(ge=0, lt=100)], ...] | Like
DetectorChoice = Literal["auto", "yunet", "scrfd"]
RecogniserChoice = Literal["dlib", "arcface"]
Format = Literal["jpeg", "png", "webp", "avif", "tiff"]

RestorerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
_RESTORER = (
    "What repairs faces: vivid, or an enhancer that is installed. Each keeps to the lock on identity: the amount is "
    "lowered until a recogniser finds the same person."
)
MaskName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
_MASKS = (
    "Networks that say which pixels of the target's face are its own, beside what the engine finds: bisenet, xseg. "
    "What any of them calls no face stays the target's."
)
_QUALITY = "Of a JPEG, WebP or AVIF result, by default 95, 92 and 85, or of a clip's pictures, by default 70."
_FIDELITY = "How far CodeFormer keeps to the picture; the others have no such weight."

AUTO: Final = "auto"
"""The engine of options that leave the choice to what was measured; see `choice`."""

Options = TypeVar("Options", bound=BaseModel)


class SwapOptions(BaseModel, frozen=True, extra="forbid"):
    """What every engine understands."""

    engine: str
    faces: FaceChoice = Field(
        default="largest",
        description="Which faces to swap; indices count from the left, `like` finds the person of a picture.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed repeats a result on one machine.")
    format: Format | None = Field(default=None, description="The result's format; by default the target's own.")
    quality: int | None = Field(default=None, ge=1, le=100, strict=True, description=_QUALITY)
    restore: float = Field(default=0.0, ge=0, le=1, description="How much of the restorer's detail to add; 0 is off.")
    restorer: RestorerName = Field(default="vivid", description=_RESTORER)
    fidelity: float = Field(default=0.5, ge=0, le=1, description=_FIDELITY)
    masks: tuple[MaskName, ...] = Field(default=(), max_length=8, description=_MASKS)
    fallback: bool = Field(
        default=False,
        strict=True,
        description="Where this engine refuses the picture, or its result is unlike the reference or unnatural, the "
        "next engine that is ready is tried; the best result is kept.",
    )
    detector: DetectorChoice = Field(
        default="auto",
        description="What finds faces and their five points; auto takes InsightFace's SCRFD for the points alone, for "
        "engines that were trained with them, where it is installed.",
        json_schema_extra={"control": "advanced"},
    )

    recogniser: RecogniserChoice = Field(
        default="dlib",
        description="What measures the likeness of finished faces; arcface is InsightFace's, and gives no verdict: "
        "its limits were not measured.",
        json_schema_extra={"control": "advanced"},
    )

    def make_safer(self) -> "SwapOptions | None":
        """The options for a second try at a face that came out unnatural; None where the engine has no safer ones."""
        return None

    def make_steady(self) -> Self:
        """The options for the pictures of a clip: nothing is decided anew from picture to picture."""
        return self

    @property
    def go_with_clips(self) -> bool:
        """Whether the engine swaps clips too; none does whose entry calls it experimental."""
        return True

    @property
    def models(self) -> tuple[str, ...]:
        """The models that these options take beside those that every swap with their engine takes."""
        return ()

    @property
    def likes(self) -> tuple[str, ...]:
        """The pictures whose people are looked for, by digest, in order; empty where faces are chosen otherwise."""
        if not isinstance(self.faces, Like):
            return ()
        return (self.faces.like,) if isinstance(self.faces.like, str) else self.faces.like


class AutoOptions(SwapOptions, frozen=True, extra="forbid"):
    """What every engine understands, with the engine left open: it is picked when the target's face is known."""

    engine: Literal["auto"] = AUTO


class RestoreOptions(BaseModel, frozen=True, extra="forbid"):
    """What a restore understands."""

    amount: float = Field(default=0.5, ge=0, le=1, strict=True, description="How much of the detail to add.")
    restorer: RestorerName = Field(default="vivid", description=_RESTORER)
    fidelity: float = Field(default=0.5, ge=0, le=1, description=_FIDELITY)
    format: Format | None = Field(default=None, description="The result's format; by default the picture's own.")
    quality: int | None = Field(default=None, ge=1, le=100, strict=True, description=_QUALITY)


class WrongOptions(TypeError):
    """An engine was handed the options of another one: a mistake in the program, not in a request."""


def require_options(options: BaseModel, kind: type[Options]) -> Options:
    """`options` as the kind that an engine understands.

    Raises:
        WrongOptions: they are of another kind.
    """
    if not isinstance(options, kind):
        raise WrongOptions(f"{kind.__name__} are needed here, these are {type(options).__name__}")
    return options


def validate(kind: type[Options], raw: Mapping[str, object], whose: str) -> Options:
    """Options of one kind, from a request or a command line.

    Args:
        whose: the name of what has these options, for the message.

    Raises:
        InvalidOptions: `field` names the first option that has no such name or no such value.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"][:1]) or "options"
        if first["type"] == "extra_forbidden":
            raise InvalidOptions(f"{whose} has no option {field!r}", field=field) from None
        raise InvalidOptions(f"{field}: {first['msg']}", field=field) from None


def require_readable_count(pictures: int) -> None:
    """Return if so many pictures of one person are read.

    Raises:
        TooManyPictures: `limit` says how many are.
    """
    if pictures > MOST_PICTURES:
        raise TooManyPictures(
            f"there are {pictures} pictures of one person, and at most {MOST_PICTURES} are read",
            field="reference",
            found=pictures,
            limit=MOST_PICTURES,
        )


def parse_restore_options(raw: Mapping[str, object]) -> RestoreOptions:
    """Options of a restore, from a request or a command line; raises as `validate` does."""
    return validate(RestoreOptions, raw, "a restore")


def public_settings(options: BaseModel) -> dict[str, object]:
    """The options that a result may show to every reader, as JSON: all but the private ones and those that are None.

    Which picture a face was found by stays untold: its digest would tell whoever has that picture.
    """
    told: dict[str, object] = options.model_dump(mode="json", exclude_none=True, exclude=private_fields(type(options)))
    return told | {"faces": "like"} if isinstance(options, SwapOptions) and options.likes else told


def private_fields(kind: type[BaseModel]) -> set[str]:
    """The names of the options that hold a person's own words."""
    return {
        name
        for name, field in kind.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("private")
    }
