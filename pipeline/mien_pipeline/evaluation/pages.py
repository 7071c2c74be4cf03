"""The report of an evaluation: Markdown, and the same as a page with its plots."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path

from mien_core.files import write_whole
from mien_pipeline.evaluation.cases import CaseFile, count_by
from mien_pipeline.evaluation.claim import Claim, Line
from mien_pipeline.evaluation.plot import draw
from mien_pipeline.evaluation.tables import FEWEST_PAIRS, Difference, Row, differences, summarise, value_of, worst

RANDOM = (
    "**The weights are random numbers.** These figures show that every case runs from end to end; they say nothing "
    "about faces, guidance or weights."
)
HEAD = "| level | n | likeness | margin | naturalness | like the target | landmarks, % | s | refused, faulty |"


@dataclass(frozen=True, slots=True)
class Written:
    """What a report is written from.

    Attributes:
        claims: in their order.
        lines: every case.
        setups: what they were run with, by the id that they name.
        not_run: engines that did not run, and why.
    """

    claims: Sequence[Claim]
    lines: Sequence[Line]
    setups: Mapping[str, Line]
    not_run: Mapping[str, str]


def write_report(folder: Path, claims: Sequence[Claim], file: CaseFile, not_run: Mapping[str, str]) -> list[Path]:
    """Write `report.md`, `report.html` and one `claim.svg` a claim; their paths. Raises as `write_whole`."""
    written = Written(claims, file.lines, file.setups, not_run)
    plots = {claim.name: plot for claim in claims if (plot := _plot(claim, file.lines))}
    text = "\n".join(_tell(written, plots))
    files = {"report.md": text, "report.html": _page(text, plots)}
    files |= {f"{name}.svg": plot for name, plot in plots.items()}
    for name, content in files.items():
        write_whole(folder / name, content.encode())
    return [folder / name for name in files]


def _plot(claim: Claim, lines: Sequence[Line]) -> str | None:
    mine = [line for line in lines if line["claim"] == claim.name]
    engines = count_by(mine, "engine")
    rows = [(engine, row) for engine in engines for row in summarise([x for x in mine if x["engine"] == engine])]
    return draw(claim.says, rows) if any(row.n for _, row in rows) else None


def _tell(written: Written, plots: Mapping[str, str]) -> Iterator[str]:
    yield "# Evaluation\n"
    today = datetime.now(tz=UTC).date().isoformat()
    yield (
        f"{len(written.lines)} cases, {today}. Likeness, its margin over everyone else among the people, and "
        "naturalness: mean (least to most). Likeness alone rewards damage. Judged by dlib's recogniser, which no "
        f"engine is conditioned on. Differences are paired, with 95 % bootstrap intervals; below {FEWEST_PAIRS} pairs "
        "none is called one.\n"
    )
    if any(setup.get("random") for setup in _used(written)):
        yield RANDOM + "\n"
    for engine, why in written.not_run.items():
        yield f"- {engine}: {why}"
    for claim in written.claims:
        mine = [line for line in written.lines if line["claim"] == claim.name]
        yield f"\n## {claim.name}\n\n{claim.says}\n"
        if claim.name in plots:
            yield f"![{claim.says}]({claim.name}.svg)\n"
        for engine in count_by(mine, "engine"):
            yield from _tell_engine(claim, engine, [line for line in mine if line["engine"] == engine])
        yield from _compare_engines(mine)
        if not mine:
            said = f" It is of {', '.join(claim.engines)}." if claim.engines else ""
            yield f"Not run.{said}"
    yield from _tell_setups(written)


def _tell_engine(claim: Claim, engine: str, lines: Sequence[Line]) -> Iterator[str]:
    rows = summarise(lines)
    for axis in dict.fromkeys(row.axis for row in rows):
        yield f"### {engine}: {axis}\n\n{HEAD}\n|{'---|' * (HEAD.count('|') - 1)}"
        for row in (row for row in rows if row.axis == axis):
            yield _row(row)
        yield ""
        yield from _compare_series([line for line in lines if line["axis"] == axis])
    if claim.conclude and (said := claim.conclude([line for line in lines if line["state"] == "done"])):
        yield f"\n### {engine}: what this says of the defaults\n"
        yield from said
    yield from _tell_worst(engine, lines)


def _row(row: Row) -> str:
    names = ("identity.to_reference", "margin", "naturalness", "identity.to_target", "landmarks", "seconds")
    cells = [_cell(row.measures[name], 1 if name in ("landmarks", "seconds") else 2) for name in names]
    label = f"{row.label}, {row.series}" if row.series not in ("", row.axis) else row.label
    return f"| {label} | {row.n} | {' | '.join(cells)} | {row.refused}, {row.faulty} |"


def _cell(found: tuple[float, float, float] | None, digits: int) -> str:
    if found is None:
        return "–"
    mean, least, most = (f"{value:.{digits}f}" for value in found)
    return f"{mean} ({least} to {most})"


def _compare_series(lines: Sequence[Line]) -> Iterator[str]:
    """Neighbouring series of one axis, over the levels that both have."""
    series = list(dict.fromkeys(str(line["series"]) for line in lines))
    for first, second in pairwise(series):
        ones = [line for line in lines if line["series"] == first]
        others = [line for line in lines if line["series"] == second]
        yield f"- {first} against {second}: {_differences(ones, others)}"


def _compare_engines(lines: Sequence[Line]) -> Iterator[str]:
    engines = list(count_by(lines, "engine"))
    for first, second in pairwise(engines):
        ones, others = ([line for line in lines if line["engine"] == engine] for engine in (first, second))
        yield f"- {first} against {second}: {_differences(ones, others)}"


def _differences(ones: Sequence[Line], others: Sequence[Line]) -> str:
    """Likeness and naturalness, every pair of cases at the same level being one."""
    told = [f"{said} {_at_every_level(ones, others, name)}" for name, said in _COMPARED.items()]
    return "; ".join(told)


_COMPARED = {"margin": "margin", "naturalness": "naturalness"}


def _at_every_level(ones: Sequence[Line], others: Sequence[Line], name: str) -> Difference:
    def at_level(lines: Sequence[Line]) -> list[Line]:
        # What makes a pair is seed, target and reference: the level is put to the seed.
        return [{**line, "seed": (line["seed"], line["axis"], line["level"])} for line in lines]

    return differences(at_level(ones), at_level(others), name)


def _tell_worst(engine: str, lines: Sequence[Line]) -> Iterator[str]:
    yield f"\n### {engine}: the worst five\n"
    yield "| case | likeness | margin | naturalness | faults |\n|---|---|---|---|---|"
    for line in worst(lines, "naturalness"):
        values = [value_of(line, name) for name in ("identity.to_reference", "margin", "naturalness")]
        cells = ["–" if value is None else f"{value:.2f}" for value in values]
        series = "" if line["series"] == line["axis"] else f" {line['series']}"
        where = f"{line['reference']} on {line['target']}, {line['axis']} {line['label']}{series}".rstrip()
        faults = line.get("faults")
        named = ", ".join(str(each) for each in faults) if isinstance(faults, list) else ""
        yield f"| {where} | {' | '.join(cells)} | {named} |"
    refused = [line for line in lines if line["state"] != "done"]
    for code, count in count_by(refused, "code").items():
        yield f"\nRefused with `{code}`: {count}."


def _tell_setups(written: Written) -> Iterator[str]:
    yield "\n## What ran\n"
    for setup in _used(written):
        settings = setup["settings"] or "none"
        yield f"- {setup['engine']}, Mien {setup['mien']}, settings {settings}, on {setup['machine']}"
        models = setup["models"]
        for name, digest in models.items() if isinstance(models, Mapping) else ():
            yield f"  - {name} `{str(digest)[:16]}`"


def _used(written: Written) -> list[Line]:
    """The setups of the cases, each once."""
    names = dict.fromkeys(str(line["setup"]) for line in written.lines)
    return [written.setups[name] for name in names if name in written.setups]


def _page(text: str, plots: Mapping[str, str]) -> str:
    """The Markdown as it reads, with its plots above it: a page that needs nothing else."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title>'
        "<style>body{font:15px/1.5 sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
        "pre{white-space:pre-wrap}svg{max-width:50rem;display:block}</style>"
        f"{''.join(plots.values())}<pre>{escape(text)}</pre></html>\n"
    )
