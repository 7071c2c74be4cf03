"""What goes into a network's file and comes out of it, one row a network: the tables of the catalogue.

A row is data alone. `mien_pipeline.engines.onnx` reads it; a person's own catalogue adds rows without code.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

TemplateName = Literal["arcface-112-v1", "arcface-112-v2", "arcface-128", "ffhq-512", "mtcnn-512"]
Point = tuple[float, float]
Template = TemplateName | tuple[Point, Point, Point, Point, Point]
"""Where a crop has eyes, nose and mouth corners: a known template, or five points as shares of the crop's side."""

Triple = tuple[float, float, float]
Side = Annotated[int, Field(ge=32, le=4096)]


class _Row(BaseModel, frozen=True, extra="forbid"):
    pass


class NetworkFile(_Row, frozen=True):
    """A file of a model of the catalogue; `instead` names models that have the same file."""

    model: str
    file: str
    instead: tuple[str, ...] = ()


class Recogniser(_Row, frozen=True):
    """A network that turns a crop into a vector of 512 numbers; RGB, (x − .5) / .5, as ArcFace is trained."""

    network: NetworkFile
    side: Side = 112
    template: Template = "arcface-112-v2"


class VectorIdentity(_Row, frozen=True):
    """An identity as a vector of a recogniser.

    The recogniser's vector goes through `converter` or through the map that the swapper's own file carries.
    """

    kind: Literal["vector"] = "vector"
    recogniser: str = Field(description="Its name in the catalogue's table of recognisers.")
    given: Literal["unit", "raw"] = Field(
        default="unit", description="The length of the recogniser's vector before it is converted, or given as it is."
    )
    converter: NetworkFile | None = Field(default=None, description="A network from the recogniser's space to its own.")
    emap: bool = Field(default=False, description="The file's last initialiser, 512 × 512, is that map.")
    unit: bool = Field(default=True, description="The vector is brought to unit length at the end.")

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if self.emap and self.converter:
            raise ValueError("an identity goes through a converter or through a map, not both")
        return self


class PictureIdentity(_Row, frozen=True):
    """An identity as an aligned picture of the reference, RGB in 0..1."""

    kind: Literal["picture"] = "picture"
    side: Side
    template: Template


class Swapper(_Row, frozen=True):
    """A network that puts an identity into an aligned face: RGB, NCHW.

    Attributes:
        summary: what it is, in a few words.
        network: its file.
        side, template: of its crop.
        mean, std: the crop's 0..1 becomes (x − mean) / std.
        out_scale, out_shift: what comes out becomes x · scale + shift, in 0..1.
        identity: how it is told whose face.
        boost: sides of the crop that may be asked for, multiples of `side`; `side` itself is always there.
    """

    summary: str = Field(min_length=1, max_length=100)
    network: NetworkFile
    side: Side
    template: Template
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    out_scale: Triple = (1.0, 1.0, 1.0)
    out_shift: Triple = (0.0, 0.0, 0.0)
    identity: Annotated[VectorIdentity | PictureIdentity, Field(discriminator="kind")]
    boost: tuple[Side, ...] = ()

    @model_validator(mode="after")
    def _can_be_computed(self) -> Self:
        if any(side % self.side or side < self.side for side in self.boost):
            raise ValueError(f"a boosted side is a multiple of {self.side}")
        if not all(self.std):
            raise ValueError("a standard deviation is not 0")
        return self

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides of a crop that may be asked for, the network's own first."""
        return tuple(sorted({self.side, *self.boost}))

    @property
    def files(self) -> tuple[NetworkFile, ...]:
        """The files that only its family takes, its own first."""
        converter = self.identity.converter if isinstance(self.identity, VectorIdentity) else None
        return (self.network, converter) if converter else (self.network,)


class Enhancer(_Row, frozen=True):
    """A network that repairs an aligned face: RGB, NCHW, (x − .5) / .5 in, −1..1 out.

    Attributes:
        summary: what it is, in a few words.
        network: its file.
        side, template: of its crop.
        weight: it has a second input: how far it keeps to the picture, 0..1.
    """

    summary: str = Field(min_length=1, max_length=100)
    network: NetworkFile
    side: Side
    template: Template
    weight: bool = False


class MaskNetwork(_Row, frozen=True):
    """A network that says which pixels of an aligned face are the face's own.

    Channels come first or last, as its input's axes say.

    Attributes:
        summary: what it is, in a few words.
        network: its file.
        side, template: of its crop.
        mean, std: the crop's 0..1 becomes (x − mean) / std.
        channels: their order in its input.
        classes: of a network that scores regions, the numbers of those that are the face's own; empty for one that
            answers 0..1.
    """

    summary: str = Field(min_length=1, max_length=100)
    network: NetworkFile
    side: Side
    template: Template
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    channels: Literal["rgb", "bgr"] = "rgb"
    classes: tuple[Annotated[int, Field(ge=0, lt=1000)], ...] = ()

    @model_validator(mode="after")
    def _can_be_computed(self) -> Self:
        if not all(self.std):
            raise ValueError("a standard deviation is not 0")
        return self
