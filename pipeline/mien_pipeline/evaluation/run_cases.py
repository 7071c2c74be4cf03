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
from mien_pipeline.evaluation.claim import Change, Claim, Level, Settings
from mien_pipeline.evaluation.figures import describe_machine
from mien_pipeline.evaluation.judge import Judge
from mien_pipeline.media.decode import decode
from mien_pipeline.options import SwapOptions
from mien_pipeline.runtime import Runtime

# What refuses an engine whatever the case is.
NOT_READY = (EngineUnavailable, LicenceNotAccepted, ModelNotInstalled, NotEnoughMemory)
# The version of a catalogue entry whose weights are random numbers.
TINY = "tiny"


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
        self, runtime: Runtime, judge: Judge, claims: Sequence[Claim], setups: Mapping[str, Setup], file: CaseFile
    ) -> None:
        self._runtime = runtime
        self._judge = judge
        self._claims = {claim.name: claim for claim in claims}
        self._setups = setups
        self._file = file
        self._targets: dict[tuple[object, ...], bytes] = {}
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
        change = self._claims[case.claim].change
        where = (case.level.series, case.level.value) if change else ()
        place = change, where, options, case.target.name, case.reference.name
        if place not in self._measured:
            self._measured[place] = self._measure(case, options)
        return self._measured[place]

    def _measure(self, case: Case, asked: SwapOptions) -> dict[str, object]:
        options = asked.model_copy(update={"format": "png"})
        target = self._change(case)
        try:
            done = self._runtime.swap(target, [case.reference.data], options)
        except NOT_READY:
            raise
        except MienError as error:
            return {"state": "refused", "code": error.code}
        return {"state": "done", **self._judge.measure(target, done, case.reference.name)}

    def _change(self, case: Case) -> bytes:
        """The target as the level has it, an encoded picture; kept for the next reference."""
        change = self._claims[case.claim].change
        if change is None:
            return case.target.data
        place = case.claim, case.target.name, case.level.series, case.level.value, case.seed
        if place not in self._targets:
            self._targets = {place: self._make(case.target, change, case.level, case.seed)}
        return self._targets[place]

    def _make(self, person: Person, change: Change, level: Level, seed: int) -> bytes:
        image = decode(person.data)
        face = self._judge.largest_face(image)
        if face is None:
            raise NoFaceFound(f"{person.name} shows no face", role="target")
        made = BytesIO()
        PillowImage.fromarray(change(image.pixels, face, level, seed)).save(made, "PNG")
        return made.getvalue()
