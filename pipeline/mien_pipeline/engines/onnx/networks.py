"""The networks of a row, each to be tried alone."""

from functools import partial

import numpy as np

from mien_core.errors import LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.networks import NetworkFile, Recogniser
from mien_pipeline.engines.onnx.engine import OnnxEngine
from mien_pipeline.engines.onnx.files import VECTOR, RowFiles, name_inputs
from mien_pipeline.engines.onnx.identity import embed
from mien_pipeline.engines.onnx.options import make_options
from mien_pipeline.engines.onnx.recipe import Recipe
from mien_pipeline.engines.probe import Probe, Tried
from mien_pipeline.face import Portrait
from mien_pipeline.faces.align import align_to
from mien_pipeline.faces.templates import template_points
from mien_pipeline.image import Floats
from mien_pipeline.onnx_file import LoadedFile, find_file, to_blob
from mien_pipeline.progress import ignore_step
from mien_pipeline.protocols import Weights


def list_probes(weights: Weights, recipe: Recipe) -> tuple[Probe, ...]:
    """The recogniser, the converter and the generator alone, and all together as a swap has them."""
    row, found = recipe.row, list[Probe]()
    if recipe.recogniser:
        run = partial(_recognise, weights, recipe.recogniser)
        found.append(Probe("recogniser", _models_of(weights, recipe.recogniser.network), run))
    if row.identity.kind == "vector" and row.identity.converter:
        converter = row.identity.converter
        found.append(Probe("converter", (converter.model,), partial(_convert, weights, converter)))
    files = (*row.files, recipe.recogniser.network) if recipe.recogniser else row.files
    models = tuple(dict.fromkeys(model for file in files for model in _models_of(weights, file)))
    return (
        *found,
        Probe("generator", (row.network.model,), partial(_generate, weights, recipe)),
        Probe("all together", models, partial(_swap, weights, recipe)),
    )


def _recognise(weights: Weights, recogniser: Recogniser, portrait: Portrait) -> Tried:
    return Tried([embed(recogniser, LoadedFile(weights, recogniser.network, (4,)), portrait)])


def _convert(weights: Weights, converter: NetworkFile, _portrait: Portrait) -> Tried:
    return Tried([LoadedFile(weights, converter, (2,)).run(np.eye(1, VECTOR, dtype=np.float32))])


def _generate(weights: Weights, recipe: Recipe, portrait: Portrait) -> Tried:
    row = recipe.row
    told = _make_identity(recipe)
    file = LoadedFile(weights, row.network, (4, told.ndim))
    points = template_points(row.template, row.side)
    aligned = align_to(portrait.image.pixels, portrait.face.kps, points, row.side)
    target, source = name_inputs(file.network)
    return Tried(file.network.run(None, {target: to_blob(aligned.crop, row.mean, row.std), source: told}))


def _make_identity(recipe: Recipe) -> Floats:
    """Some identity in the shape that the swapper takes."""
    identity = recipe.row.identity
    if identity.kind == "vector":
        return np.eye(1, VECTOR, dtype=np.float32)
    return np.full((1, 3, identity.side, identity.side), 0.5, np.float32)


def _swap(weights: Weights, recipe: Recipe, portrait: Portrait) -> Tried:
    likeness = OnnxEngine(recipe, RowFiles(weights, recipe)).prepare([portrait])
    options = make_options(recipe.name, recipe.row)(engine=recipe.name)
    patch = likeness.render(portrait.image, portrait.face, options, ignore_step)
    return Tried([likeness.source, np.asarray(patch.crop, np.float32)])


def _models_of(weights: Weights, named: NetworkFile) -> tuple[str, ...]:
    """The model whose file is there, or the one that should be."""
    try:
        return (find_file(weights, named)[0],)
    except (ModelNotInstalled, LicenceNotAccepted):
        return (named.model,)
