"""One restoration from pixels to pixels: skin detail back into a picture from any tool, the face left as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien_core.errors import NoFaceFound
from mien_pipeline.face import Face
from mien_pipeline.image import Image
from mien_pipeline.options import Format, RestoreOptions
from mien_pipeline.progress import Stopwatch
from mien_pipeline.protocols import FaceEmbedder, Restorer, UsesModels
from mien_pipeline.report import Edit, FaceReport, IdentityScores, LeftOut, ModelUse, PictureWarning
from mien_pipeline.swap_image import ChangedImage, report_face, restore_faces


@dataclass(frozen=True, slots=True)
class FaceRestoration:
    """The stages of a swap with no engine: every face of the picture is restored.

    Attributes:
        options: `amount` is the most that may be done; the restorer's lock on identity may allow less.
        models: what the restorer paints with, if it paints.
    """

    restorer: Restorer
    options: RestoreOptions
    embedder: FaceEmbedder
    models: Sequence[ModelUse] = ()

    @property
    def format(self) -> Format | None:
        return self.options.format

    @property
    def warnings(self) -> tuple[PictureWarning, ...]:
        return () if self.models or isinstance(self.restorer, UsesModels) else ("not-repainted",)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return ()

    def choose(self, seen: Image, faces: Sequence[Face]) -> Sequence[int]:  # noqa: ARG002
        """Every face; raises `NoFaceFound` with `role` "target" when there is none."""
        if not faces:
            raise NoFaceFound("the picture shows no face", role="target")
        return range(len(faces))

    def change(self, original: Image, faces: Sequence[Face], chosen: Sequence[int], clock: Stopwatch) -> ChangedImage:
        with clock.stage("restore"):
            image = restore_faces(original, faces, self.options.amount, self.restorer, clock)
        return ChangedImage(image, chosen, {})

    def judge(
        self, original: Image, made: ChangedImage, faces: Sequence[Face], chosen: Sequence[int]
    ) -> list[FaceReport]:
        """See `FaceEdit.judge`. How much each face is still the same person; it is never a weak identity."""
        return [
            report_face(
                index,
                faces[index],
                compare_with_itself(original, made.image, faces[index], self.embedder),
                original.warnings,
            )
            for index in chosen
        ]

    def record(self, models: Sequence[ModelUse]) -> Edit:
        own = self.restorer.models if isinstance(self.restorer, UsesModels) else ()
        return Edit("restore", self.restorer.name, self.options, (*models, *self.models, *own))


def compare_with_itself(original: Image, result: Image, face: Face, embedder: FaceEmbedder) -> IdentityScores:
    """The reference of a restoration is the picture itself."""
    kept = embedder.similarity(embedder.embed(original, face), embedder.embed(result, face))
    return IdentityScores(embedder.recogniser, to_reference=kept, to_target=kept, before=1.0)
