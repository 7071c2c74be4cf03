"""The mesh engine: reference texture, target geometry, target light."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from mien_core.errors import NoFaceFound
from mien_pipeline.engines.mesh.beard import find_full_beard
from mien_pipeline.engines.mesh.eyes import Eye, EyeReader, EyeSwap, SeenEye, keep_eyes, plan_eye_swap
from mien_pipeline.engines.mesh.full_size import enlarge_mesh, enlarging, find_step, shrink_affine, shrink_face
from mien_pipeline.engines.mesh.hidden import has_faint_eyes
from mien_pipeline.engines.mesh.known_face import KnownFace
from mien_pipeline.engines.mesh.lamps import find_lamps, take_off
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.mesh.own_face import OwnFace, Surroundings, SurroundingsReader, find_own_face
from mien_pipeline.engines.mesh.placed import Placed
from mien_pipeline.engines.mesh.render import MARGIN, STEPS, Rendered, render_face
from mien_pipeline.engines.mesh.shape import average_shape
from mien_pipeline.engines.mesh.texture import Texture, complete
from mien_pipeline.engines.mesh.unseen import hides_chin
from mien_pipeline.engines.mesh.veil import find_veil
from mien_pipeline.engines.mesh.views import Sighting, read_views
from mien_pipeline.face import Face, Intent, LowerFace, Mesh, Patch, Portrait
from mien_pipeline.faces.clarity import resolved_width
from mien_pipeline.faces.grid import Box
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Image, Pixels
from mien_pipeline.options import SwapOptions, require_options
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.protocols import Weights
from mien_pipeline.report import ModelUse, SwapWarning
from mien_pipeline.skin.cautions import DARK, LIGHTEST, SMALL_PX, TURNED_DEG
from mien_pipeline.skin.lower_face import read_lower_face
from mien_pipeline.skin.tone import Tone, find_tone

# Measured on 46 hard targets: fine to 31°, usable to 42°, broken where the mesh saturates at 45°.
WARN_YAW_DEG, REFUSE_YAW_DEG = 35.0, 44.0
REFUSE_MESH_SCORE = 0.9
SHARPER_EYES = 2.9  # times the detail of the reference's, from which the target's own eyes look better


def load(weights: Weights) -> "MeshEngine":
    """The engine with its networks loaded."""
    return MeshEngine(weights.read("iris"), SurroundingsReader.load(weights))


class MeshEngine:
    """Its networks say where eyes look and what is around a face; all else comes from the faces that it is given."""

    name = "mesh"

    def __init__(self, iris: bytes, surroundings: SurroundingsReader) -> None:
        self._eyes = EyeReader(iris)
        self._surroundings = surroundings

    @property
    def models(self) -> Sequence[ModelUse]:
        return (self._eyes.model, *self._surroundings.models)

    def prepare(self, portraits: Sequence[Portrait]) -> "MeshLikeness":
        """The person's texture and shape; pictures that are turned too far or unclear do not count.

        Raises:
            NoFaceFound: each face is turned too far, or the mesh network doubts it is one; `role` is "reference".
        """
        clear = [each for each in portraits if _is_clear(each.face) and not self._sees_profile(each)]
        if not clear:
            raise NoFaceFound("the reference face is turned away or unclear", role="reference")
        meshes = [_require_mesh(each.face) for each in clear]
        sightings = [
            Sighting(
                each,
                mesh,
                self._eyes.read(each.image.pixels, mesh),
                self._surroundings.find_hands_before(each.image.pixels, mesh),
            )
            for each, mesh in zip(clear, meshes, strict=True)
        ]
        view, first = read_views(sightings)
        shape = average_shape(meshes, first.mesh)
        whole = complete(view)
        faint = has_faint_eyes(view.veil.put_on(whole.colour) if view.veil else whole.colour)
        texture = replace(whole, resolved_px=_measure_resolved(first), faint_eyes=faint)
        covered = view.glasses or view.half_hidden or first.before is not None
        warnings = _warn_of_reference([each.face.yaw_deg for each in clear], texture, covered=covered)
        lower = read_lower_face(first.portrait.image.pixels, first.mesh)
        return MeshLikeness(texture, shape, first.eyes, self._eyes, self._surroundings, warnings, lower)

    def _sees_profile(self, portrait: Portrait) -> bool:
        face = portrait.face
        return self._surroundings.sees_profile(portrait.image.pixels, _require_mesh(face), face.yaw_deg)


@dataclass(frozen=True, slots=True, eq=False)
class MeshLikeness:
    """A reference face: its texture on the canonical mesh, and its (468, 3) mesh in any frame.

    `lower_face` is that of the picture its lips are from. `bearded` tells, once it is settled, whether the target's
    face has a full beard.
    """

    texture: Texture
    mesh: Mesh
    eyes: tuple[Eye, Eye]
    reader: EyeReader
    surroundings: SurroundingsReader
    warnings: tuple[SwapWarning, ...] = ()
    lower_face: LowerFace | None = None
    bearded: bool | None = None

    def settle(self, target: Image, face: Face) -> "MeshLikeness":
        """This likeness for a clip's person, whose full beard is kept in all pictures or in none."""
        return replace(self, bearded=find_full_beard(target.pixels, _require_mesh(face)) is not None)

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """This face on the target's mesh; a target face that is turned too far gets an empty mask."""
        return self._render(_Place.of(target, face, self.texture.face_width), options, on_step, None)

    def render_again(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep, seen: object) -> Patch:
        """As `render`; `seen` is what that found out of the same face."""
        place = _Place.of(target, face, self.texture.face_width)
        return self._render(place, options, on_step, seen if isinstance(seen, _Seen) else None)

    @property
    def known_margin(self) -> float:
        """A little more than the margin in which the target gives way to another shape."""
        return MARGIN + 0.1

    def look(self, target: Image, face: Face, options: SwapOptions) -> KnownFace | None:
        """What shows of a target face, for `render_known`; None of one that is turned too far."""
        settings = require_options(options, MeshOptions)
        place = _Place.of(target, face, self.texture.face_width)
        if not _is_clear(face) or self._sees_profile(place):
            return None
        texture, lamps = self._choose_texture(settings), find_lamps(place.small, place.local)
        even = take_off(place.small, lamps.draw(place.local, place.small.shape) if lamps else None)
        with self._reading_around(place) as around:
            own = find_own_face(even, place.local, around, texture.colour)
        eyes = self.reader.look(place.target.pixels, place.mesh, ())
        tone, veil = find_tone(place.small), find_veil(even, place.local)
        return KnownFace.keep(own.mask, place.local, own.warnings, lamps, (eyes,), own.beard, tone, veil)

    def render_known(
        self, target: Image, face: Face, options: SwapOptions, before: object, after: object, share: float
    ) -> Patch:
        """As `render`, between two pictures at which `look` was told what shows; `share` is 0..1 of the way."""
        known = [each for each in (before, after) if isinstance(each, KnownFace)]
        mixed = known[0].mix(known[-1], share) if known else None
        place = _Place.of(target, face, self.texture.face_width)
        if mixed is None:
            return self._render(place, options, ignore_step, None)
        # Of eyes that stay the target's all that counts is whether lids are shut.
        known_eyes = mixed.eyes if require_options(options, MeshOptions).eyes == "target" else ()
        return self._render(place, options, ignore_step, _Seen(self._read_eyes(place, known_eyes), mixed, mixed.tone))

    def _render(self, place: "_Place", options: SwapOptions, on_step: OnStep, seen: "_Seen | None") -> Patch:
        settings, region, face = require_options(options, MeshOptions), place.region, place.face
        if not _is_clear(face) or (seen is None and self._sees_profile(place)):
            nothing = np.zeros(place.pixels.shape[:2], np.float32)
            return Patch(place.pixels, region.affine, nothing, ("hard-angle",))
        texture, step = self._choose_texture(settings), place.step
        with enlarging(place.pixels, place.small, step, face_width(place.local)) as enlarger:
            rendered, found = self._draw(place, texture, settings, on_step, seen, enlarger.begin)
            result, changed = enlarger.finish(rendered)
        warnings = self.warnings + _list_warnings(face, place.mesh, rendered.brightness) + rendered.shown.warnings
        intent = Intent(
            region.to_full(enlarge_mesh(rendered.mesh, step)),
            rendered.own,
            shrink_affine(region.affine, step),
            texture.painted_over,
            texture.mottled,
            rendered.hair,
            self.lower_face,
        )
        listed = tuple(dict.fromkeys(warnings))
        return Patch(result, region.affine, changed, listed, intent=intent, seen=found)

    def _draw(
        self,
        place: "_Place",
        texture: Texture,
        settings: MeshOptions,
        on_step: OnStep,
        seen: "_Seen | None",
        on_placed: Callable[[Placed], None],
    ) -> "tuple[Rendered, _Seen]":
        """The new face on the small copy, and what was found out of the target's."""
        grain = place.step == 1
        with self._finding_out(place, seen) as (wait_for_eyes, around, wait_for_tone):
            on_step(1, STEPS)
            read = wait_for_eyes()
            on_step(2, STEPS)
            rendered = render_face(
                texture,
                self.mesh,
                place.small,
                place.local,
                settings.shape,
                self._plan_eyes(read, settings, place),
                around,
                on_step,
                grain=grain,
                on_placed=on_placed,
                plain=settings.mask == "features",
            )
            tone = wait_for_tone()
        if tone:
            toned = np.where(rendered.changed[..., None] > 0, tone.apply(rendered.pixels), place.small)
            rendered = replace(rendered, pixels=toned)
        return rendered, _Seen(read, rendered.shown, tone)

    @contextmanager
    def _finding_out(
        self, place: "_Place", seen: "_Seen | None"
    ) -> Generator[tuple[Callable[[], tuple[Eye, Eye]], Surroundings | OwnFace | KnownFace, Callable[[], Tone | None]]]:
        """What waits for the eyes, what is around the face, and what waits for the tone: as `seen`, or sought now."""
        if seen:
            yield lambda: seen.eyes, seen.shown, lambda: seen.tone
            return
        with ThreadPoolExecutor(1) as beside:
            looking, toning = beside.submit(self._read_eyes, place), beside.submit(find_tone, place.small)
            with self._reading_around(place) as around:
                yield looking.result, around, toning.result

    def _choose_texture(self, settings: MeshOptions) -> Texture:
        return self.texture.keep_skin() if settings.mask == "skin" else self.texture

    def _sees_profile(self, place: "_Place") -> bool:
        return self.surroundings.sees_profile(place.target.pixels, place.mesh, place.face.yaw_deg)

    @contextmanager
    def _reading_around(self, place: "_Place") -> Generator[Surroundings]:
        to_small = shrink_affine(place.region.affine, place.step)
        with self.surroundings.reading(place.target.pixels, place.mesh, to_small) as around:
            yield replace(around, bearded=self.bearded)

    def _read_eyes(self, place: "_Place", known: Sequence[tuple[SeenEye, SeenEye]] = ()) -> tuple[Eye, Eye]:
        left, right = self.reader.look(place.target.pixels, place.mesh, known)
        return left.eye, right.eye

    def _plan_eyes(self, read: tuple[Eye, Eye], settings: MeshOptions, place: "_Place") -> tuple[EyeSwap, EyeSwap]:
        """The target's eyes where that is asked for, or the reference's are faint or much softer than they."""
        eyes = plan_eye_swap(self.eyes, read, own_gaze=settings.gaze == "reference")
        if settings.eyes == "target" or self.texture.faint_eyes:  # in a clip nothing is measured for it
            return keep_eyes(eyes)
        return keep_eyes(eyes) if place.resolved_px > SHARPER_EYES * self.texture.resolved_px else eyes


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What was found out of a target face: how its eyes are, what shows of it and its tone, on the small copy."""

    eyes: tuple[Eye, Eye]
    shown: OwnFace | KnownFace
    tone: Tone | None


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a face is rendered: the region around it, and its copy with `step` pixels to one, for a large face."""

    target: Image
    face: Face
    mesh: Mesh
    region: Box
    pixels: Pixels
    step: int
    small: Pixels
    local: Mesh

    @property
    def resolved_px(self) -> float:
        """See `clarity.resolved_width`."""
        return resolved_width(self.target.pixels, self.face.kps, face_width(self.mesh))

    @classmethod
    def of(cls, target: Image, face: Face, texture_width: float) -> "_Place":
        mesh = _require_mesh(face)
        region = Box.around(mesh, MARGIN, target.pixels.shape)
        pixels, step = target.pixels[region.part], find_step(face_width(mesh), texture_width)
        small, local = shrink_face(pixels, region.to_local(mesh), step)
        return cls(target, face, mesh, region, pixels, step, small, local)


def _measure_resolved(sighting: Sighting) -> float:
    portrait = sighting.portrait
    return resolved_width(portrait.image.pixels, portrait.face.kps, face_width(sighting.mesh))


def _is_clear(face: Face) -> bool:
    return face.mesh_score >= REFUSE_MESH_SCORE and abs(face.yaw_deg) <= REFUSE_YAW_DEG


def _warn_of_reference(yaws_deg: Sequence[float], texture: Texture, *, covered: bool) -> tuple[SwapWarning, ...]:
    """What limits a reference: hidden sides or chin, little light or detail; `covered` where the eyes are from."""
    shows_both_sides = min(yaws_deg) <= TURNED_DEG and max(yaws_deg) >= -TURNED_DEG
    turned: tuple[SwapWarning, ...] = () if shows_both_sides else ("reference-angle",)
    hidden: tuple[SwapWarning, ...] = ("reference-covered",) if covered or hides_chin(texture.validity) else ()
    skin = texture.colour[::4, ::4][texture.skin[::4, ::4] > 127]
    dark: tuple[SwapWarning, ...] = ("low-light",) if len(skin) and np.quantile(skin, LIGHTEST) < DARK else ()
    soft: tuple[SwapWarning, ...] = ("small-face",) if texture.resolved_px < SMALL_PX else ()
    return (*turned, *hidden, *dark, *soft)


def _list_warnings(face: Face, mesh: Mesh, brightness: float) -> tuple[SwapWarning, ...]:
    found: list[SwapWarning] = []
    if abs(face.yaw_deg) > WARN_YAW_DEG:
        found.append("hard-angle")
    if face_width(mesh) < SMALL_PX:
        found.append("small-face")
    if brightness < DARK:
        found.append("low-light")
    return tuple(found)


def _require_mesh(face: Face) -> Mesh:
    if face.mesh is None:
        raise ValueError("this engine needs faces with a mesh")
    return face.mesh
