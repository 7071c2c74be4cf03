"""What a swap of a clip understands beside its engine's options.

No PyAV and no numpy here: the daemon's front process reads requests with this.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from mien_core.errors import InvalidOptions, UnsupportedClip
from mien_core.program import is_frozen
from mien_pipeline.options import Format, SwapOptions, validate

Codec = Literal["av1", "h264", "hevc", "vp9"]
ClipFormat = Literal["mp4", "gif", "webp"]
MOST_BETWEEN = 30
"""A face is rendered once in so many pictures at least: about once a second."""
MEDIA_TYPES: Mapping[ClipFormat, str] = {"mp4": "video/mp4", "gif": "image/gif", "webp": "image/webp"}
DEFAULT_QUALITY = 70
COMMAND = 'pip install "mien[video]"'

FIELDS: Mapping[str, str] = {
    "from": "begin_s",
    "to": "end_s",
    "format": "format",
    "encoder": "encoder",
    "quality": "quality",
    "every": "every",
}
"""How people name what a clip takes → the fields of `ClipOptions`."""
ALSO_OF_PICTURES = frozenset({"format", "quality"})


class ClipOptions(BaseModel, frozen=True, extra="forbid"):
    """What a swap of a clip understands beside its engine's options."""

    begin_s: float | None = Field(
        default=None, ge=0, description="Where the part to edit begins, from the first picture on; by default there."
    )
    end_s: float | None = Field(default=None, gt=0, description="Where it ends; by default with the clip.")
    format: ClipFormat = Field(
        default="mp4",
        description="The result's format. An animated GIF or WebP has no sound; GIF has 256 colours a picture.",
        json_schema_extra={"control": "main"},
    )
    encoder: Codec | None = Field(
        default=None,
        description="The result's codec. By default the clip's own by an encoder of this machine's system or card, "
        "else AV1.",
        json_schema_extra={"control": "main"},
    )
    quality: int = Field(
        default=DEFAULT_QUALITY,
        ge=1,
        le=100,
        description="Of the pictures; more takes more bytes. It changes nothing in a GIF.",
        json_schema_extra={"control": "main"},
    )
    every: int = Field(
        default=1,
        ge=1,
        le=MOST_BETWEEN,
        description="The engine renders every Nth picture of a face; in those between, the new face is carried along "
        "with the mesh. 1 renders each.",
        json_schema_extra={"control": "main", "step": 1},
    )


def describe_clip_options() -> dict[str, dict[str, object]]:
    """What a clip takes beside its engine's options: name → JSON schema, as `describe_own_options` has an engine's."""
    members: dict[str, dict[str, Any]] = ClipOptions.model_json_schema()["properties"]
    told = {name: _flatten(members[field]) for name, field in FIELDS.items()}
    told["encoder"] |= {"enum": ["auto", *get_args(Codec)], "default": "auto"}
    return told


def _flatten(schema: Mapping[str, Any]) -> dict[str, object]:
    """The schema of a value that may be left out, without saying so."""
    kind: Mapping[str, object] = schema.get("anyOf", [{}])[0]
    return {**{key: value for key, value in schema.items() if key not in ("anyOf", "title")}, **kind}


def parse_clip_options(raw: Mapping[str, object]) -> ClipOptions:
    """The options of a clip by the names of `FIELDS`, from a request or a command line; `auto` is no encoder.

    Raises:
        InvalidOptions: `field` is the one that has no such name or no such value, or `from` where nothing is left.
    """
    given = {name: value for name, value in raw.items() if value is not None and (name, value) != ("encoder", "auto")}
    if unknown := sorted(given.keys() - FIELDS.keys()):
        raise InvalidOptions(f"a clip has no option {unknown[0]!r}", field=unknown[0])
    for name, value in given.items():
        if isinstance(value, bool):  # pydantic takes True for 1
            raise InvalidOptions(f"{name}: a number is needed here", field=name)
    try:
        options = validate(ClipOptions, {FIELDS[name]: value for name, value in given.items()}, "a clip")
    except InvalidOptions as error:
        name = next((name for name, field in FIELDS.items() if field == error.fields.get("field")), "")
        raise InvalidOptions(str(error).replace(FIELDS.get(name, name), name, 1), field=name) from None
    if options.encoder is not None and options.format != "mp4":
        raise InvalidOptions(f"encoder: a {options.format} file has none to choose", field="encoder")
    if options.begin_s is not None and options.end_s is not None and options.begin_s >= options.end_s:
        raise InvalidOptions("from: the part ends before it begins", field="from")
    return options


def split_clip_options(raw: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """(what a picture takes, what a clip takes beside its engine's options), as they came.

    The quality and the format WebP are in both. Any other format is in that which has it; one that neither has is a
    picture's, which refuses it.
    """
    own = {name: value for name, value in raw.items() if name in FIELDS}
    usual = {name: value for name, value in raw.items() if name not in FIELDS.keys() - ALSO_OF_PICTURES}
    if raw.get("format") not in get_args(ClipFormat):
        own.pop("format", None)
    elif raw["format"] not in get_args(Format):
        usual.pop("format", None)
    return usual, own


def refuse_clip_options(given: Mapping[str, object], target: str) -> None:
    """Return if nothing was given that only a clip takes.

    Raises:
        InvalidOptions: `field` is the one.
    """
    for name in given.keys() - ALSO_OF_PICTURES:
        raise InvalidOptions(f"{name} is for clips, and {target} is none", field=name)
    if given.get("format", "webp") not in get_args(Format):
        raise InvalidOptions(f"{given['format']} is a format of clips, and {target} is none", field="format")


def require_clip_options(options: SwapOptions) -> None:
    """Return if the engine's options go with a clip.

    Raises:
        InvalidOptions: `field` is the one that does not.
    """
    if not options.go_with_clips:
        raise InvalidOptions(f"the engine {options.engine} swaps pictures only", field="engine")
    if options.fallback:
        raise InvalidOptions("another engine is tried for pictures only", field="fallback")
    if options.format not in (None, "webp"):
        raise InvalidOptions("a clip becomes an MP4 file, or a GIF or WebP", field="format")
    if options.restore:
        raise InvalidOptions("skin detail is restored in pictures only", field="restore")
    if options.recogniser != "dlib":
        raise InvalidOptions("the people of a clip are measured by dlib's recogniser alone", field="recogniser")


def require_clips() -> None:
    """Return if the library that reads clips is installed.

    Raises:
        UnsupportedClip: `reason` is "no-library"; `command` gets it, where there is a way.
    """
    if find_spec("av") is not None:
        return
    lacks: dict[str, object] = {"stream": "container", "reason": "no-library"}
    if is_frozen():
        raise UnsupportedClip("this package of Mien has no PyAV, so it edits pictures only", **lacks)
    raise UnsupportedClip("clips need PyAV, which is not installed", **lacks, command=COMMAND)
