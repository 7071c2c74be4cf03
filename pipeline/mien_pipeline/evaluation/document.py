"""A document of headings, paragraphs, tables and pictures, as Markdown and as one page that opens from the disk."""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words; `code` and **strong** as in Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """An SVG that lies beside the document under `name`, and what it shows."""

    name: str
    svg: str
    says: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG whose path from the document is `place`, and what it shows."""

    place: str
    says: str


Block = Heading | Paragraph | Bullets | Table | Plot | Picture

_STYLE = """
:root { color-scheme: light dark; --page: #f6f5f2; --card: #fff; --text: #1d1c1a; --quiet: #5d5a55; --line: #dcd9d2; }
@media (prefers-color-scheme: dark) { :root { --page: #171614; --card: #22201e; --text: #f1efea; --quiet: #b3aea6;
  --line: #3a3733; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 96rem; margin: 0 auto; padding: 1.25rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1.25rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; background: var(--card); font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .25rem .4rem; text-align: left; white-space: nowrap; }
th { font-weight: 600; line-height: 1.25; white-space: normal; vertical-align: bottom; }
.wide :is(th, td):first-child { position: sticky; left: 0; background: var(--card); }
svg { max-width: 46rem; width: 100%; height: auto; display: block; border: 1px solid var(--line); }
figure { margin: .75rem 0; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: var(--quiet); }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def to_markdown(blocks: Iterable[Block]) -> str:
    """The document as Markdown; plots and pictures are links to files beside it."""
    return "\n\n".join(_write(block) for block in blocks) + "\n"


def _write(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Bullets(lines):
            return "\n".join(f"- {line}" for line in lines)
        case Table(head, rows):
            return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
        case Plot(name, _, says):
            return f"![{says}]({name})"
        case Picture(place, says):
            return f"![{says}]({place})\n\n{says}"


def to_html(title: str, blocks: Iterable[Block], folder: Path) -> str:
    """The document as a page without a script or a request: plots and the pictures of `folder` are in it."""
    body = "\n".join(_draw(block, folder) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _draw(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{_mark_up(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_mark_up(text)}</p>"
        case Bullets(lines):
            return f"<ul>{''.join(f'<li>{_mark_up(line)}</li>' for line in lines)}</ul>"
        case Table(head, rows):
            top = "".join(f'<th scope="col">{_mark_up(cell)}</th>' for cell in head)
            cells = "".join(f"<tr>{''.join(f'<td>{_mark_up(cell)}</td>' for cell in row)}</tr>" for row in rows)
            return f'<div class="wide" tabindex="0"><table><tr>{top}</tr>{cells}</table></div>'
        case Plot(_, svg, _):
            return f"<figure>{svg}</figure>"
        case Picture(place, says):
            data = base64.b64encode((folder / place).read_bytes()).decode()
            image = f'<img alt="{escape(says)}" src="data:image/jpeg;base64,{data}">'
            return f"<figure>{image}<figcaption>{escape(says)}</figcaption></figure>"


def _mark_up(text: str) -> str:
    marked = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", marked)
