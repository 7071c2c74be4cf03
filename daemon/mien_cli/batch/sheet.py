"""The contact sheet of a run: one page that opens from the disk, with every picture in it and no script."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote_from_bytes

from mien_core.languages import look_up

MARK = '<meta name="generator" content="mien batch">'
Thumbnails = Sequence[tuple[bytes | None, bytes | None]]
"""For each item small JPEGs of the input and of the result."""

_TITLES = {"failed": "Not done", "waiting": "Not begun", "done": "Done", "skipped": "Skipped"}
_REASONS = {
    "done-before": "done by an earlier run",
    "same-picture": "the same picture as another one, whose result this is",
    "exists": "a file of that name was there",
}
_VERDICTS = {"clear": "clear likeness", "partial": "partial likeness", "not": "no likeness"}
_STYLE = """
:root { color-scheme: light dark; --page: #f6f5f2; --card: #fff; --text: #1d1c1a; --quiet: #5d5a55; --line: #dcd9d2;
  --bad: #a3251b; --mark: #7a5200; }
@media (prefers-color-scheme: dark) { :root { --page: #171614; --card: #22201e; --text: #f1efea; --quiet: #b3aea6;
  --line: #3a3733; --bad: #ff9d93; --mark: #f0c26b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.45 system-ui, sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 1.25rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .75rem; }
p { margin: .25rem 0; }
.quiet { color: var(--quiet); }
.stop { color: var(--bad); font-weight: 600; }
ul { list-style: none; margin: 0; padding: 0; }
.sheet { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.sheet > li { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem;
  min-width: 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; margin-bottom: .6rem; }
.pair > * { display: block; aspect-ratio: 1; background: var(--page); border-radius: .35rem; overflow: hidden; }
.pair img { width: 100%; height: 100%; object-fit: contain; display: block; }
.pair span { display: grid; place-items: center; color: var(--quiet); font-size: .85rem; }
.name { overflow-wrap: anywhere; font-weight: 600; }
.path { overflow-wrap: anywhere; font-size: .85rem; color: var(--quiet); }
.marks { color: var(--mark); font-size: .9rem; margin-top: .35rem; }
.bad { color: var(--bad); }
a { color: inherit; }
a:focus-visible { outline: 3px solid; outline-offset: 2px; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render_sheet(document: Mapping[str, Any], thumbnails: Thumbnails) -> bytes:
    """The page; `document` is `report.json`'s."""
    pairs = list(zip(document["items"], thumbnails, strict=True))
    sections = "".join(
        _render_section(state, [pair for pair in pairs if pair[0]["state"] == state]) for state in _TITLES
    )
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'{MARK}\n<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Mien: {document['done']} done</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{_count(document)}</h1>\n{_render_head(document)}{sections}</main>\n</body>\n</html>\n"
    )
    return page.encode("utf-8", "backslashreplace")


def list_asides(document: Mapping[str, Any]) -> list[str]:
    """What was seen and left alone, each in a sentence without its full stop."""
    words = {
        "others": ("1 other file is no picture", "{} other files are no pictures"),
        "linked_folders": ("1 link to a folder was not followed", "{} links to folders were not followed"),
    }
    counts = {name: int(document[name]) for name in words}
    return [words[name][0] if count == 1 else words[name][1].format(count) for name, count in counts.items() if count]


def _count(document: Mapping[str, Any]) -> str:
    words = [f"{document['done']} done"]
    counted = {"skipped": "skipped", "failed": "not done", "waiting": "not begun"}
    words += [f"{document[state]} {said}" for state, said in counted.items() if document[state]]
    return ", ".join(words)


def _render_head(document: Mapping[str, Any]) -> str:
    lines = [f'<p class="quiet">{document["seconds"]:.0f} s. Every result says of itself that it was made.</p>']
    lines += [f'<p class="quiet">{said}.</p>' for said in list_asides(document)]
    if problem := document.get("problem"):
        lines.append(f'<p class="stop">The run stopped: {_text(problem.get("detail") or problem["title"])}</p>')
    return "\n".join(lines) + "\n"


def _render_section(state: str, pairs: Sequence[tuple[Mapping[str, Any], tuple[bytes | None, bytes | None]]]) -> str:
    if not pairs:
        return ""
    cards = "\n".join(_render_card(item, before, after) for item, (before, after) in pairs)
    return f'<section>\n<h2>{_TITLES[state]} ({len(pairs)})</h2>\n<ul class="sheet">\n{cards}\n</ul>\n</section>\n'


def _render_card(item: Mapping[str, Any], before: bytes | None, after: bytes | None) -> str:
    name = item["output"] or item["input"]
    lines = [_render_pair(item, before, after)] if before or after else []
    lines.append(f'<p class="name">{_render_link(item["output"]) if item["output"] else _text(name)}</p>')
    if item["output"]:
        lines.append(f'<p class="path">from {_text(item["input"])}</p>')
    if problem := item["problem"]:
        lines.append(f'<p class="bad">{_text(problem.get("detail") or problem["title"])} ({_text(item["code"])})</p>')
    if item["reason"]:
        lines.append(f'<p class="quiet">{_REASONS[item["reason"]]}</p>')
    lines.append(_render_scores(item))
    if remarks := [_explain(each) for each in item["warnings"]]:
        said = "".join(f"<li>{_text(each)}</li>" for each in remarks)
        lines.append(f'<ul class="marks">{said}</ul>')
    return f"<li>{''.join(lines)}</li>"


def _render_pair(item: Mapping[str, Any], before: bytes | None, after: bytes | None) -> str:
    made = _render_image(after, f"result: {item['output']}")
    if item["output"]:
        made = f'<a href="{_address(item["output"])}">{made}</a>'
    was = _render_image(before, f"before: {item['input']}")
    return f'<div class="pair"><div>{was}</div><div>{made}</div></div>'


def _render_image(picture: bytes | None, said: str) -> str:
    if picture is None:
        return "<span>no preview</span>"
    data = base64.b64encode(picture).decode("ascii")
    return f'<img alt="{_text(said)}" decoding="async" src="data:image/jpeg;base64,{data}">'


def _render_link(output: str) -> str:
    return f'<a href="{_address(output)}">{_text(output)}</a>'


def _render_scores(item: Mapping[str, Any]) -> str:
    words: list[str] = []
    if scores := item["identity"]:
        words.append(f"{scores['to_reference']:.2f} like the reference")
    if item["verdict"]:
        words.append(_VERDICTS[item["verdict"]])
    if item["naturalness"] is not None:
        words.append(f"naturalness {item['naturalness']:.2f}")
    if item["faces"] > 1:
        words.append(f"{item['faces']} faces")
    if item["seconds"] is not None:
        words.append(f"{item['seconds']:.1f} s")
    return f'<p class="quiet">{_text(", ".join(words))}</p>' if words else ""


def _explain(warning: str) -> str:
    try:
        return look_up("warnings", warning)
    except KeyError:
        return warning


def _address(output: str) -> str:
    """A relative address: no name can begin a scheme, or end the attribute."""
    return "./" + quote_from_bytes(os.fsencode(output.replace(os.sep, "/")))


def _text(text: object) -> str:
    return escape(str(text))
