"""Curves as SVG by hand: one panel an axis, one line a series, the band from least to most behind it."""

from collections.abc import Callable, Sequence
from html import escape

from mien_pipeline.evaluation.tables import Row

WIDTH, HEIGHT = 560, 260
HEAD, LEFT, RIGHT, TOP, BOTTOM = 44, 52, 150, 34, 40
# Okabe and Ito 2008: told apart by people of every colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = (("identity.to_reference", ""), ("naturalness", "5 4"))


def draw(title: str, rows: Sequence[tuple[str, Row]]) -> str:
    """An SVG document: likeness as a full line, naturalness as a dashed one, of every series.

    Args:
        title: the claim.
        rows: (engine, row), all axes of one claim.
    """
    axes = list(dict.fromkeys(row.axis for _, row in rows))
    height = HEIGHT * len(axes) + HEAD
    panels = [
        _panel(axis, [each for each in rows if each[1].axis == axis], HEAD + HEIGHT * place)
        for place, axis in enumerate(axes)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + RIGHT} {height}" '
        f'font-family="sans-serif" font-size="12" fill="#333"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="12" y="20" font-size="14">{escape(title)}</text>'
        '<text x="12" y="38">Full: likeness, with its range. Dashed: naturalness.</text>'
        f"{''.join(panels)}</svg>\n"
    )


def _panel(axis: str, rows: Sequence[tuple[str, Row]], top: float) -> str:
    levels = list(dict.fromkeys((row.level, row.label) for _, row in rows))
    levels.sort()
    places = {level: LEFT + (WIDTH - LEFT - 20) * _share(place, len(levels)) for place, (level, _) in enumerate(levels)}

    def up(value: float) -> float:
        return top + TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(value, -0.2), 1.0)) / 1.2

    drawn = [f'<text x="{LEFT}" y="{top + 18}">{escape(axis)} ({_say_n(rows)})</text>']
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawn.append(f'<path d="M{LEFT} {up(tick):.1f}H{WIDTH - 20}" stroke="#ddd"/>')
        drawn.append(f'<text x="{LEFT - 8}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for level, label in levels:
        drawn.append(
            f'<text x="{places[level]:.1f}" y="{up(-0.2) + 18:.1f}" text-anchor="middle">{escape(label)}</text>'
        )
    series = list(dict.fromkeys((engine, row.series) for engine, row in rows))
    for place, (engine, name) in enumerate(series):
        mine = sorted((row for who, row in rows if (who, row.series) == (engine, name)), key=lambda row: row.level)
        colour = COLOURS[place % len(COLOURS)]
        drawn += _curves(mine, places, up, colour)
        said = escape(", ".join(part for part in (engine, name) if part and part != axis))
        drawn.append(f'<text x="{WIDTH - 8}" y="{top + TOP + 16 * place:.0f}" fill="{colour}">{said}</text>')
    return "".join(drawn)


def _share(place: int, levels: int) -> float:
    """How far along its axis a level is; one by itself is in the middle."""
    return place / (levels - 1) if levels > 1 else 0.5


def _say_n(rows: Sequence[tuple[str, Row]]) -> str:
    """How many cases a point has."""
    least, most = (choose(row.n for _, row in rows) for choose in (min, max))
    return f"n = {most} a point" if least == most else f"n = {least} to {most} a point"


def _curves(rows: Sequence[Row], places: dict[float, float], up: Callable[[float], float], colour: str) -> list[str]:
    drawn: list[str] = []
    for name, dash in LINES:
        known = [(row, found) for row in rows if (found := row.measures[name])]
        if not known:
            continue
        points = [(places[row.level], found) for row, found in known]
        if not dash:
            band = [f"{x:.1f},{up(found[2]):.1f}" for x, found in points]
            band += [f"{x:.1f},{up(found[1]):.1f}" for x, found in reversed(points)]
            drawn.append(f'<polygon points="{" ".join(band)}" fill="{colour}" opacity=".12"/>')
        line = " ".join(f"{x:.1f},{up(found[0]):.1f}" for x, found in points)
        look = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        drawn.append(f'<polyline points="{line}" {look}/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{up(found[0]):.1f}" r="3" fill="{colour}"/>' for x, found in points]
    return drawn
