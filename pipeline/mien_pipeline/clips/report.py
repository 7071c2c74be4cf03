"""What is said of a clip: of the people in it, and of one that is finished."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Literal

from mien_core.errors import NoFaceFound
from mien_pipeline.clips.analysis import Analysis, TrackPlan
from mien_pipeline.clips.render import PersonTally
from mien_pipeline.media.clip.probe import ClipInfo
from mien_pipeline.report import (
    IdentityScores,
    LeftOut,
    ModelUse,
    PictureWarning,
    Provenance,
    Verdict,
    judge_likeness,
    name_verdict,
    round_scores,
)

ClipWarning = Literal[
    "audio-dropped",  # a sound track is of a kind that the result's format does not hold
    "streams-dropped",  # subtitles or data did not go along
    "new-codec",  # AV1, which players from before 2020 may not show
]


@dataclass(frozen=True, slots=True)
class PersonReport:
    """What became of one person of the clip, the most prominent first.

    Attributes:
        frames, swapped: pictures in which that person is seen, and has the new face.
        identity: means over the pictures that were measured; None where none was.
        least: the lowest likeness to the reference among them.
        warnings: how many pictures each is said of.
    """

    id: int
    bbox: tuple[float, float, float, float]
    frames: int
    swapped: int
    identity: IdentityScores | None
    least: float | None
    warnings: Mapping[str, int]

    @property
    def verdict(self) -> Verdict | None:
        """Of the mean likeness."""
        return judge_likeness(self.identity) if self.identity else None


@dataclass(frozen=True, slots=True)
class VideoReport:
    """The file that was made."""

    frames: int
    duration_s: float
    size: tuple[int, int]
    encoder: str
    audio: Literal["copied", "none"]
    segments: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class SwappedClip:
    """A finished swap of a clip; the file is where it was asked for."""

    engine: str
    seconds: float
    stages: Mapping[str, float]
    video: VideoReport
    people: tuple[PersonReport, ...]
    provenance: Provenance
    models: tuple[ModelUse, ...]
    warnings: tuple[PictureWarning | ClipWarning, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def report_people(analysis: Analysis, tallies: Mapping[int, PersonTally]) -> list[PersonReport]:
    """Of every person of the clip, by what all segments counted; nothing is counted of one who keeps the face."""
    reports: list[PersonReport] = []
    for person in range(len(analysis.people)):
        track = next(each for each in analysis.tracks if each.person == person)
        low, high = track.meshes[0][:, :2].min(0), track.meshes[0][:, :2].max(0)
        bbox = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        seen = sum(stop - first for first, stop in analysis.list_spans(person))
        tally = tallies.get(person) or PersonTally(frames=seen)
        reports.append(_report_person(person, bbox, tally, analysis.recogniser))
    return reports


def _report_person(
    person: int, bbox: tuple[float, float, float, float], tally: PersonTally, recogniser: str
) -> PersonReport:
    """The report of what all segments counted of one person."""
    identity = (
        IdentityScores(recogniser, fmean(tally.to_reference), fmean(tally.to_target), fmean(tally.before))
        if tally.to_reference
        else None
    )
    warnings = dict(tally.warnings)
    if identity:
        warnings |= dict.fromkeys(name_verdict(judge_likeness(identity), identity), tally.swapped)
    least = min(tally.to_reference, default=None)
    return PersonReport(person, bbox, tally.frames, tally.swapped, identity, least, warnings)


def describe_clip(made: SwappedClip) -> dict[str, object]:
    """The report as it leaves the machine's own programs: JSON, without paths; what pictures have, and more."""
    return {
        "engine": made.engine,
        "seconds": round(made.seconds, 3),
        "stages": {name: round(seconds, 4) for name, seconds in made.stages.items()},
        "size": list(made.video.size),
        "warnings": list(made.warnings),
        "left_out": [asdict(each) for each in made.left_out],
        "faces": [_describe_face(each) for each in made.people],
        "video": {**asdict(made.video), "duration_s": round(made.video.duration_s, 3), "size": list(made.video.size)},
        "people": [
            {
                "id": each.id,
                "frames": each.frames,
                "swapped": each.swapped,
                "identity": {
                    "to_reference": round(each.identity.to_reference, 3),
                    "least": round(each.least, 3),
                }
                if each.identity and each.least is not None
                else None,
                "verdict": each.verdict,
                "warnings": dict(each.warnings),
            }
            for each in made.people
        ],
        "provenance": asdict(made.provenance),
        "models": [asdict(model) for model in made.models],
    }


def _describe_face(person: PersonReport) -> dict[str, object]:
    """A person as a picture's report tells of a face; the box is of the first picture that shows it."""
    return {
        "index": person.id,
        "bbox": [round(edge, 1) for edge in person.bbox],
        "swapped": person.swapped > 0,
        "identity": round_scores(person.identity) if person.identity else None,
        "verdict": person.verdict,
        "warnings": sorted(person.warnings),
    }


def merge_tallies(segments: Sequence[Mapping[int, PersonTally]]) -> dict[int, PersonTally]:
    """What all segments counted of each person, segments in order."""
    merged: dict[int, PersonTally] = {}
    for segment in segments:
        for person, tally in segment.items():
            merged.setdefault(person, PersonTally()).add(tally)
    return merged


def explain_none(tallies: Iterable[PersonTally]) -> NoFaceFound:
    """The refusal of a clip none of whose faces was swapped, with what was said of how many of its pictures."""
    whole = PersonTally()
    for tally in tallies:
        whole.add(tally)
    why = "".join(f"; {warning} in {count} of {whole.frames} pictures" for warning, count in whole.warnings.items())
    return NoFaceFound(f"no face of the clip can be swapped{why}", role="target", warnings=list(whole.warnings))


def describe_people(analysis: Analysis, clip: ClipInfo) -> dict[str, object]:
    """What a look at a clip found, as JSON: its pictures, its shots, and each person's spans in seconds and faults."""
    origin, base = analysis.span.times[0], clip.time_base
    ends = (*analysis.span.times, analysis.span.end)

    def seconds(number: int) -> float:
        return round(float((ends[number] - origin) * base), 3)

    return {
        "frames": len(analysis.span.times),
        "duration_s": seconds(len(analysis.span.times)),
        "size": list(clip.seen_size),
        "codec": clip.codec,
        "audio": [{"codec": track.codec, "language": track.language} for track in clip.audio],
        "shots": [seconds(number) for number in analysis.shots],
        "people": [
            {
                "id": person,
                "frames": sum(stop - first for first, stop in analysis.list_spans(person)),
                "spans": [[seconds(first), seconds(stop)] for first, stop in analysis.list_spans(person)],
                "faults": _count_faults([track for track in analysis.tracks if track.person == person]),
            }
            for person in range(len(analysis.people))
        ],
    }


def _count_faults(tracks: Sequence[TrackPlan]) -> dict[str, int]:
    """In how many pictures a face is covered, or turned too far; those are not swapped."""
    counts = {
        "occluded": sum(int(track.covered.sum()) for track in tracks),
        "hard-angle": sum(int(track.turned.sum()) for track in tracks),
    }
    return {name: count for name, count in counts.items() if count}
