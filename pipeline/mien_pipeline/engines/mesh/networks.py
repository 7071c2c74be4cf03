"""The networks of the mesh engine, each to be tried alone."""

from collections.abc import Sequence

import numpy as np

from mien_pipeline.engines.mesh.eyes import EyeReader
from mien_pipeline.engines.mesh.own_face import MODEL, SurroundingsReader
from mien_pipeline.engines.probe import Probe, Tried
from mien_pipeline.face import Mesh, Portrait
from mien_pipeline.protocols import Weights


def list_probes(weights: Weights) -> Sequence[Probe]:
    """Every network that the engine reads from the store."""

    def read_eyes(portrait: Portrait) -> Tried:
        eyes = EyeReader(weights.read("iris")).read(portrait.image.pixels, _mesh(portrait))
        return Tried([np.array([(eye.along, eye.down, eye.openness) for eye in eyes], np.float32)])

    def read_surroundings(portrait: Portrait) -> Tried:
        reader, same = SurroundingsReader.load(weights), np.eye(2, 3, dtype=np.float32)
        with reader.reading(portrait.image.pixels, _mesh(portrait), same) as found:
            return Tried([*found.hands(), *([] if found.person is None else [found.person])])

    return Probe("iris", ("iris",), read_eyes), Probe("covers", (MODEL,), read_surroundings)


def _mesh(portrait: Portrait) -> Mesh:
    if portrait.face.mesh is None:
        raise ValueError("the portrait has no mesh")
    return portrait.face.mesh
