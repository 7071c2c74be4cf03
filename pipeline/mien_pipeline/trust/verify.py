"""What a picture says about itself: credentials, watermark, metadata. It works for any picture and needs no network."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mien_pipeline.media import metadata, probe
from mien_pipeline.media.decode import decode
from mien_pipeline.report import PictureWarning
from mien_pipeline.trust import credentials
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.manifests import Credentials
from mien_pipeline.trust.rivagan import BITS
from mien_pipeline.trust.watermark import Reading, Watermark

_METADATA_SIDE = 64  # metadata may stand after the pixels, which are not looked at again


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything a picture says about itself.

    Attributes:
        watermark: None where the watermark's networks are not installed.
        metadata: the entries we know, and the names of private ones that are present.
        warnings: "incomplete" where the file ends before its last rows; see `decode`.
    """

    credentials: Credentials
    watermark: Reading | None
    metadata: Mapping[str, object]
    warnings: tuple[PictureWarning, ...] = ()

    @property
    def is_contradicted(self) -> bool:
        """The credentials contradict the picture, or themselves."""
        return self.credentials.state == "invalid"

    def as_json(self) -> dict[str, object]:
        """The document that `mien verify --json` prints and the API answers."""
        reading = self.watermark
        return {
            "credentials": asdict(self.credentials),
            "watermark": {
                "strength": reading.strength if reading else "none",
                "bits": BITS,
                "agreeing": reading.agreeing if reading else None,
            },
            "metadata": dict(self.metadata),
            "warnings": list(self.warnings),
        }


class Inspector:
    """Reads pictures; the watermark's network is loaded once."""

    def __init__(self, watermark: Path | None, state: Path | None = None) -> None:
        """
        Args:
            watermark: rivaGAN's decoder, an ONNX file; without it the watermark is not read.
            state: the folder whose certificates are called trusted; it is only read.
        """
        self._watermark = Watermark(watermark) if watermark else None
        self._roots = Authority(state).roots() if state else ""

    @property
    def watermark(self) -> Watermark | None:
        """What reads the invisible mark; None where its network is not installed."""
        return self._watermark

    @property
    def roots(self) -> str:
        """The certificates that are called trusted, PEM."""
        return self._roots

    def inspect(self, data: bytes) -> Inspection:
        """What `data` says about itself.

        Raises:
            InvalidImage, ImageTooLarge: it is no picture Mien reads.
        """
        image = decode(data)
        with probe.load_picture(data, _METADATA_SIDE) as loaded:
            found = metadata.read(loaded.picture)
        return Inspection(
            credentials.read(data, f"image/{image.format}", self._roots),
            self._watermark.read(image.pixels) if self._watermark else None,
            found,
            ("incomplete",) if image.missing_rows is not None else (),
        )
