"""A document reads the same as Markdown and as a page, and the page asks for nothing and runs nothing."""

from html.parser import HTMLParser
from pathlib import Path

from mien_pipeline.evaluation.document import (
    Bullets,
    Heading,
    Paragraph,
    Picture,
    Plot,
    Table,
    to_html,
    to_markdown,
)

BLOCKS = (
    Heading("Evaluation", 1),
    Paragraph("**Random** `code` & <b>more</b>"),
    Table(["level", "n"], [["a < b", "3"]]),
    Bullets(["one", "two"]),
    Plot("size.svg", "<svg/>", "small faces"),
    Picture("pictures/a.jpg", "ann on bob"),
)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_markdown_links_to_the_files_beside_it() -> None:
    text = to_markdown(BLOCKS)
    assert "| level | n |\n| --- | --- |\n| a < b | 3 |" in text
    assert "![small faces](size.svg)" in text
    assert "![ann on bob](pictures/a.jpg)" in text


def test_a_page_holds_its_pictures_and_no_markup_of_its_words(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(b"jpeg")
    page = Page()
    page.feed(to_html("Evaluation", BLOCKS, tmp_path))
    tags = [tag for tag, _ in page.tags]
    assert {"table", "strong", "code", "svg", "figcaption"} <= set(tags)
    assert not {"script", "b", "link"} & set(tags)
    assert "a < b" in "".join(page.words)
    sources = [attrs["src"] or "" for tag, attrs in page.tags if tag == "img"]
    assert all(source.startswith("data:") for source in sources)
    assert len(sources) == 1
