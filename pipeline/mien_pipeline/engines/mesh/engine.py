"""The mesh engine: reference texture, target geometry, target light; the story in one screen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien_pipeline.engines import Weights
from mien_pipeline.engines.mesh.render import Region, render_face
from mien_pipeline.engines.mesh.texture import Texture, unroll
from mien_pipeline.errors import NoFaceFound
from mien_pipeline.options import MeshOptions, SwapOptions
from mien_pipeline.stages.topology import face_width
from mien_pipeline.types import Face, Floats, Image, ModelUse, OnStep, Patch, SwapWarning

# Measured on 46 hard targets: fine to 31°, usable to 42°, broken where the mesh saturates at 45°.
WARN_YAW_DEG, REFUSE_YAW_DEG = 35.0, 44.0
REFERENCE_WARN_YAW_DEG = 30.0
REFUSE_MESH_SCORE = 0.9
SMALL_FACE_PX = 64  # face widths below this show the texture as a handful of pixels
LOW_LIGHT = 40  # median code value of the face


def load(weights: Weights) -> "MeshEngine":  # noqa: ARG001 -- every engine is loaded alike; this one needs no files
    return MeshEngine()


class MeshEngine:
    """Needs no weights of its own: what it knows is in the faces it is given."""

    name = "mesh"
    models: Sequence[ModelUse] = ()

    def prepare(self, reference: Image, face: Face) -> "MeshLikeness":
        """The reference's texture and shape.

        Raises:
            NoFaceFound: the face is turned too far, or the mesh network doubts that it is one.
        """
        mesh = _mesh(face)
        if face.mesh_score < REFUSE_MESH_SCORE or abs(face.yaw_deg) > REFUSE_YAW_DEG:
            raise NoFaceFound("the reference face is turned away or unclear", role="reference")
        warnings: tuple[SwapWarning, ...] = ()
        if abs(face.yaw_deg) > REFERENCE_WARN_YAW_DEG:
            warnings = ("reference-angle",)
        return MeshLikeness(unroll(reference, mesh), mesh, warnings)


@dataclass(frozen=True, slots=True, eq=False)
class MeshLikeness:
    """A reference face as a texture on the canonical mesh, and the (468, 3) mesh it was seen with."""

    texture: Texture
    mesh: Floats
    warnings: tuple[SwapWarning, ...] = ()

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """This face on the target's mesh. A face that is turned too far is left alone: its mask is empty."""
        settings = options if isinstance(options, MeshOptions) else MeshOptions()
        mesh = _mesh(face)
        region = Region.around(mesh, target.pixels.shape)
        pixels = target.pixels[region.rows, region.columns]
        if face.mesh_score < REFUSE_MESH_SCORE or abs(face.yaw_deg) > REFUSE_YAW_DEG:
            return Patch(pixels, region.affine, np.zeros(pixels.shape[:2], np.float32), ("hard-angle",))
        rendered = render_face(self.texture, self.mesh, pixels, region.local(mesh), settings, on_step)
        warnings = self.warnings + _warnings(face, mesh, rendered.brightness) + rendered.warnings
        return Patch(rendered.pixels, region.affine, rendered.changed, warnings)


def _warnings(face: Face, mesh: Floats, brightness: float) -> tuple[SwapWarning, ...]:
    found: list[SwapWarning] = []
    if abs(face.yaw_deg) > WARN_YAW_DEG:
        found.append("hard-angle")
    if face_width(mesh) < SMALL_FACE_PX:
        found.append("small-face")
    if brightness < LOW_LIGHT:
        found.append("low-light")
    return tuple(found)


def _mesh(face: Face) -> Floats:
    if face.mesh is None:
        raise ValueError("this engine needs faces with a mesh")
    return face.mesh
