"""Runs cases through the product as a person would: bytes in, a marked picture and its report out."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image as PillowImage

from mien_core.errors import (
    EngineUnavailable,
    LicenceNotAccepted,
    MienError,
    ModelNotInstalled,
    NoFaceFound,
    NotEnoughMemory,
)
from mien_core.version import product_version
from mien_models.store import ModelStore
from mien_pipeline.engines.readiness import describe
from mien_pipeline.engines.registry import ENGINES, needed_models, parse_options
from mien_pipeline.evaluation.cases import Case, CaseFile, Person
from mien_pipeline.evaluation.claim import Change, Claim, Settings
from mien_pipeline.evaluation.figures import describe_machine
from mien_pipeline.evaluation.gallery import Gallery, Shown, crop_face
from mien_pipeline.evaluation.judge import Judge
from mien_pipeline.evaluation.peak import measure_peak
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.decode import decode
from mien_pipeline.options import SwapOptions
from mien_pipeline.runtime import Runtime

# What refuses an engine whatever the case is.
NOT_READY = (EngineUnavailable, LicenceNotAccepted, ModelNotInstalled, NotEnoughMemory)
# The version of a catalogue entry whose weights are random numbers.
TINY = "tiny"
# Changed pictures that are kept: those of one level, for at most so many people.
CHANGED = 64
# Results on unchanged targets that are kept: the cases of a level go through the pairs of people in turn.
PLAIN = 12


@dataclass(frozen=True, slots=True)
class Setup:
    """What an engine ran with.

    Attributes:
        engine: its name.
        models: each weight file and its digest.
        random: its weights are random numbers.
        settings: options that hold for every case.
    """

    engine: str
    models: Mapping[str, str]
    random: bool
    settings: Settings = field(default_factory=dict[str, object])

    @property
    def id(self) -> str:
        """The same on every machine that has the same files, version and settings."""
        said = [self.engine, product_version(), dict(self.models), dict(self.settings)]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]

    def as_json(self) -> dict[str, object]:
        return {
            "engine": self.engine, "mien": product_version(), "models": dict(self.models), "random": self.random,
            "settings": dict(self.settings), "machine": describe_machine(),
        }  # fmt: skip


def see_setup(engine: str, store: ModelStore, settings: Settings) -> Setup:
    """The engine's installed files."""
    states = [each for each in store.states(needed_models(engine)) if each.state == "ready"]
    models = {
        f"{each.name}/{file.name}": file.sha256 or "" for each in states for file in each.files if file.format != "text"
    }
    own = set(ENGINES[engine].models)
    return Setup(engine, models, any(each.version == TINY for each in states if each.name in own), settings)


def why_not_ready(engine: str, store: ModelStore) -> str | None:
    """What an engine lacks, in words; None where it is ready."""
    said = describe(ENGINES[engine], store, "")
    if said["state"] == "ready":
        return None
    lacking = said["missing_libraries"] or said["missing_models"]
    return f"not installed: {', '.join(str(each) for each in lacking)}" if isinstance(lacking, list) else "not ready"


class Runner:
    """Runs the cases of one evaluation, and leaves out those that its file has."""

    def __init__(
        self,
        runtime: Runtime,
        judge: Judge,
        claims: Sequence[Claim],
        setups: Mapping[str, Setup],
        file: CaseFile,
        gallery: Gallery | None = None,
    ) -> None:
        """`gallery` keeps pictures of the worst cases; without one none is kept."""
        self._runtime = runtime
        self._judge = judge
        self._claims = {claim.name: claim for claim in claims}
        self._setups = setups
        self._file = file
        self._gallery = gallery
        self._changed: dict[tuple[object, ...], bytes] = {}
        self._plain: dict[tuple[object, ...], Pixels] = {}
        self._measured: dict[tuple[object, ...], Mapping[str, object]] = {}

    def run(self, cases: Sequence[Case], tell: Callable[[int, int, Mapping[str, object]], None]) -> dict[str, str]:
        """Run what has not been run; engines that turn out not to be ready, and why.

        Args:
            cases: in the order in which they are run.
            tell: told of each finished case with how many are done of how many.
        """
        refused: dict[str, str] = {}
        for place, case in enumerate(cases):
            setup = self._setups[case.engine]
            key = case.key(setup.id)
            if key in self._file or case.engine in refused:
                continue
            try:
                line = {"key": key, **case.describing, **self._measure_once(case, setup), "setup": setup.id}
            except NOT_READY as error:
                refused[case.engine] = f"{error.code}: {error}"
                continue
            self._file.describe(setup.id, setup.as_json())
            self._file.append(line)
            tell(place + 1, len(cases), line)
        return refused

    def _measure_once(self, case: Case, setup: Setup) -> Mapping[str, object]:
        """The measures of a case; of one that differs from another in its axis alone, those of the other."""
        options = parse_options({"engine": case.engine, "seed": case.seed, **setup.settings, **case.level.options})
        claim = self._claims[case.claim]
        where = (case.claim, case.level.series, case.level.value) if claim.change else ()
        place = where, options, case.target.name, case.reference.name
        if place not in self._measured:
            self._measured[place] = self._measure(case, claim, options)
        return self._measured[place]

    def _measure(self, case: Case, claim: Claim, asked: SwapOptions) -> dict[str, object]:
        options = asked.model_copy(update={"format": "png"})
        target = self._change(case, case.target, claim.change)
        reference = self._change(case, case.reference, claim.change_reference)
        try:
            done, peak_mb = measure_peak(lambda: self._runtime.swap(target, [reference], options))
        except NOT_READY:
            raise
        except MienError as error:
            return {"state": "refused", "code": error.code}
        look = self._judge.look(decode(case.target.data).pixels, target, done)
        measured = {"state": "done", **self._judge.measure(look, done, case.reference.name), "memory_mb": peak_mb}
        measured |= claim.measure(look) if claim.measure else {}
        if claim.ceiling:
            measured["ceiling"] = self._measure_ceiling(case, claim, options)
        if self._gallery is not None:
            face = self._crop_largest(decode(reference))
            faces = [crop_face(look.before, look.seen.bbox), face, crop_face(look.after, look.seen.bbox)]
            self._gallery.add(case, case.key(self._setups[case.engine].id), Shown(faces, target, done), measured)
        return measured

    def _measure_ceiling(self, case: Case, claim: Claim, options: SwapOptions) -> float | None:
        """How alike the result on the unchanged target is, once the level is done to it."""
        pair = case.engine, options, case.target.name, case.reference.name
        if pair not in self._plain:
            done = self._runtime.swap(case.target.data, [case.reference.data], options)
            if len(self._plain) >= PLAIN:
                self._plain.clear()
            self._plain[pair] = decode(done.data).pixels
        made = self._change_pixels(self._plain[pair], claim.change, case)
        return self._judge.measure_likeness(made, case.reference.name)

    def _crop_largest(self, image: Image) -> Pixels:
        face = self._judge.largest_face(image)
        return image.pixels if face is None else crop_face(image.pixels, face.bbox)

    def _change(self, case: Case, person: Person, change: Change | None) -> bytes:
        """A picture as the level has it, encoded; kept for the next case of the same level."""
        if change is None:
            return person.data
        place = change, person.name, case.level.series, case.level.value, case.seed
        if place not in self._changed:
            if len(self._changed) >= CHANGED:
                self._changed.clear()
            self._changed[place] = self._encode(self._change_pixels(decode(person.data).pixels, change, case))
        return self._changed[place]

    def _change_pixels(self, pixels: Pixels, change: Change | None, case: Case) -> Pixels:
        face = self._judge.largest_face(Image(pixels))
        if face is None:
            raise NoFaceFound("a picture of the evaluation shows no face", role="target")
        return change(pixels, face, case.level, case.seed) if change else pixels

    @staticmethod
    def _encode(pixels: Pixels) -> bytes:
        made = BytesIO()
        PillowImage.fromarray(pixels).save(made, "PNG")
        return made.getvalue()
