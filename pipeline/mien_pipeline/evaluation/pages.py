"""The report of an evaluation: Markdown, and the same as a page with its plots."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from mien_core.files import write_whole
from mien_pipeline.evaluation.cases import CaseFile, count_by
from mien_pipeline.evaluation.claim import Claim, Line
from mien_pipeline.evaluation.document import (
    Block,
    Bullets,
    Heading,
    Paragraph,
    Picture,
    Plot,
    Table,
    to_html,
    to_markdown,
)
from mien_pipeline.evaluation.gallery import FOLDER, WORST
from mien_pipeline.evaluation.plot import draw
from mien_pipeline.evaluation.tables import (
    CEILING,
    FEWEST_PAIRS,
    MEASURES,
    Difference,
    Row,
    differences,
    summarise,
    value_of,
    worst,
)

RANDOM = (
    "**The weights are random numbers.** These figures show that every case runs from end to end; they say nothing "
    "about faces, guidance or weights."
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a report is written from.

    Attributes:
        claims: in their order.
        lines: every case.
        setups: what they were run with, by the id that they name.
        not_run: engines that did not run, and why.
        pictures: the path of a case's picture by its key.
    """

    claims: Sequence[Claim]
    lines: Sequence[Line]
    setups: Mapping[str, Line]
    not_run: Mapping[str, str]
    pictures: Mapping[str, str]


def write_report(folder: Path, claims: Sequence[Claim], file: CaseFile, not_run: Mapping[str, str]) -> list[Path]:
    """Write `report.md`, `report.html` and one `claim.svg` a claim; their paths. Raises as `write_whole`."""
    pictures = {path.stem: f"{FOLDER}/{path.name}" for path in (folder / FOLDER).glob("*.jpg")}
    written = Written(claims, file.lines, file.setups, not_run, pictures)
    blocks = list(_tell(written))
    files = {"report.md": to_markdown(blocks), "report.html": to_html("Evaluation", blocks, folder)}
    files |= {block.name: block.svg for block in blocks if isinstance(block, Plot)}
    for name, content in files.items():
        write_whole(folder / name, content.encode())
    return [folder / name for name in files]


def _plot(claim: Claim, lines: Sequence[Line]) -> Plot | None:
    engines = count_by(lines, "engine")
    rows = [(engine, row) for engine in engines for row in summarise([x for x in lines if x["engine"] == engine])]
    return Plot(f"{claim.name}.svg", draw(claim.says, rows), claim.says) if any(row.n for _, row in rows) else None


def _tell(written: Written) -> Iterator[Block]:
    yield Heading("Evaluation", 1)
    today = datetime.now(tz=UTC).date().isoformat()
    yield Paragraph(
        f"{len(written.lines)} cases, {today}. Likeness, its margin over everyone else among the people, and "
        "naturalness: mean (least to most). Likeness alone rewards damage. Judged by dlib's recogniser, which no "
        f"engine is conditioned on. Differences are paired, with 95 % bootstrap intervals; below {FEWEST_PAIRS} pairs "
        "none is called one."
    )
    if any(setup.get("random") for setup in _used(written)):
        yield Paragraph(RANDOM)
    if written.not_run:
        yield Paragraph("These engines did not run:")
        yield Bullets([f"{engine}: {why}" for engine, why in written.not_run.items()])
    for claim in written.claims:
        yield from _tell_claim(written, claim)
    yield from _tell_setups(written)


def _tell_claim(written: Written, claim: Claim) -> Iterator[Block]:
    mine = [line for line in written.lines if line["claim"] == claim.name]
    yield Heading(claim.name, 2)
    yield Paragraph(claim.says)
    if plot := _plot(claim, mine):
        yield plot
    for engine in count_by(mine, "engine"):
        yield from _tell_engine(written, claim, engine, [line for line in mine if line["engine"] == engine])
    if compared := list(_compare_engines(mine)):
        yield Bullets(compared)
    if not mine:
        said = f" It is of {', '.join(claim.engines)}." if claim.engines else ""
        yield Paragraph(f"Not run.{said}")


def _tell_engine(written: Written, claim: Claim, engine: str, lines: Sequence[Line]) -> Iterator[Block]:
    rows = summarise(lines, list(claim.columns))
    for axis in dict.fromkeys(row.axis for row in rows):
        yield Heading(f"{engine}: {axis}", 3)
        yield _tabulate(claim, [row for row in rows if row.axis == axis])
        if compared := list(_compare_series([line for line in lines if line["axis"] == axis])):
            yield Bullets(compared)
    if claim.conclude and (said := claim.conclude([line for line in lines if line["state"] == "done"])):
        yield Heading(f"{engine}: what this says of the defaults", 3)
        yield Bullets([each.removeprefix("- ") for each in said])
    yield from _tell_worst(written, engine, lines)


def _tabulate(claim: Claim, rows: Sequence[Row]) -> Table:
    """One row a level, first how many cases say it; columns of measures that no row has are left out."""
    columns = {name: heading for name, (heading, _, _) in MEASURES.items()}
    columns = {"identity.to_reference": columns.pop("identity.to_reference"), CEILING: "ceiling", **columns}
    columns |= claim.columns
    known = [name for name in columns if any(row.measures[name] for row in rows)]
    head = ["level", "n", "refused", "faulty", "rank 1", *(columns[name] for name in known)]
    return Table(head, [_row(row, known) for row in rows])


def _row(row: Row, names: Sequence[str]) -> list[str]:
    label = f"{row.label}, {row.series}" if row.series not in ("", row.axis) else row.label
    cells = [_cell(row.measures[name], *MEASURES.get(name, ("", 2, False))[1:]) for name in names]
    return [label, str(row.n), str(row.refused), str(row.faulty), f"{row.nearest} of {row.n}", *cells]


def _cell(found: tuple[float, float, float] | None, digits: int, ranged: bool) -> str:
    if found is None:
        return "–"
    mean, least, most = (f"{round(value, digits) + 0:.{digits}f}" for value in found)  # no "-0.00"
    return f"{mean} ({least} to {most})" if ranged else mean


def _compare_series(lines: Sequence[Line]) -> Iterator[str]:
    """Neighbouring series of one axis, over the levels that both have."""
    series = list(dict.fromkeys(str(line["series"]) for line in lines))
    for first, second in pairwise(series):
        ones = [line for line in lines if line["series"] == first]
        others = [line for line in lines if line["series"] == second]
        yield f"{first} against {second}: {_differences(ones, others)}"


def _compare_engines(lines: Sequence[Line]) -> Iterator[str]:
    engines = list(count_by(lines, "engine"))
    for first, second in pairwise(engines):
        ones, others = ([line for line in lines if line["engine"] == engine] for engine in (first, second))
        yield f"{first} against {second}: {_differences(ones, others)}"


def _differences(ones: Sequence[Line], others: Sequence[Line]) -> str:
    """Margin and naturalness, every pair of cases at the same level being one."""
    return "; ".join(f"{name} {_at_every_level(ones, others, name)}" for name in ("margin", "naturalness"))


def _at_every_level(ones: Sequence[Line], others: Sequence[Line], name: str) -> Difference:
    def at_level(lines: Sequence[Line]) -> list[Line]:
        # What makes a pair is seed, target and reference: the level is put to the seed.
        return [{**line, "seed": (line["seed"], line["axis"], line["level"])} for line in lines]

    return differences(at_level(ones), at_level(others), name)


def _tell_worst(written: Written, engine: str, lines: Sequence[Line]) -> Iterator[Block]:
    yield Heading(f"{engine}: the worst five", 3)
    found = worst(lines, WORST)
    yield Table(["case", "likeness", "margin", "naturalness", "faults"], [_case(line) for line in found])
    for line in found:
        if place := written.pictures.get(str(line["key"])):
            yield Picture(place, _name(line))
    refused = [line for line in lines if line["state"] != "done"]
    if refused:
        yield Bullets([f"Refused with `{code}`: {count}." for code, count in count_by(refused, "code").items()])


def _case(line: Line) -> list[str]:
    values = [value_of(line, name) for name in ("identity.to_reference", "margin", "naturalness")]
    faults = line.get("faults")
    named = ", ".join(str(each) for each in faults) if isinstance(faults, list) else ""
    return [_name(line), *("–" if value is None else f"{value:.2f}" for value in values), named]


def _name(line: Line) -> str:
    series = "" if line["series"] == line["axis"] else f" {line['series']}"
    return f"{line['reference']} on {line['target']}, {line['axis']}: {line['label']}{series}".rstrip()


def _tell_setups(written: Written) -> Iterator[Block]:
    yield Heading("What ran", 2)
    for setup in _used(written):
        settings = setup["settings"] or "none"
        machine = setup["machine"]
        said = ", ".join(f"{name} {value}" for name, value in machine.items()) if isinstance(machine, Mapping) else ""
        yield Paragraph(f"{setup['engine']}, Mien {setup['mien']}, settings {settings}; {said}")
        models = setup["models"]
        if isinstance(models, Mapping) and models:
            yield Table(["file", "SHA-256"], [[str(name), f"`{str(digest)[:16]}`"] for name, digest in models.items()])


def _used(written: Written) -> list[Line]:
    """The setups of the cases, each once."""
    names = dict.fromkeys(str(line["setup"]) for line in written.lines)
    return [written.setups[name] for name in names if name in written.setups]
