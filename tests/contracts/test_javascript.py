"""JavaScript, style sheets and pages keep their width and size; `tests/javascript` has the linter and the types."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("daemon/mien_daemon/console", "extension", "tests")
PRODUCT = ("daemon/mien_daemon/console", "extension/src", "extension/ui")


def find(folders: tuple[str, ...], *suffixes: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and "node_modules" not in path.parts
    )


@pytest.mark.parametrize("suffix", [".js", ".mjs", ".css", ".html"])
def test_no_line_is_wider_than_120_characters(suffix: str) -> None:
    paths = find(FOLDERS, suffix)
    assert paths
    wide = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > 120
    }
    assert wide == set()


def test_half_of_the_modules_fit_a_screen_and_none_is_a_drawer_for_leftovers() -> None:
    paths = find(PRODUCT, ".js")
    lengths = sorted(path.read_text(encoding="utf-8").count("\n") for path in paths)
    assert lengths[len(lengths) // 2] <= 70
    assert lengths[-1] <= 350
    assert not {path.stem for path in paths} & {"utils", "helpers", "common", "manager", "base", "misc"}


def test_no_module_stands_alone() -> None:
    """A page loads a script, another script imports it, `page.js` lists it, or the manifest registers it."""
    texts = [path.read_text(encoding="utf-8") for path in find(PRODUCT, ".js", ".html")]
    texts.append((ROOT / "extension/manifest.json").read_text(encoding="utf-8"))
    everything = "\n".join(texts)
    unused = [
        path.name
        for path in find(PRODUCT, ".js")
        if f"/{path.name}" not in everything
        and f'"{path.name}"' not in everything
        and f'"{path.stem}"' not in everything
        and f"{path.parent.name}/view.js" not in everything.replace("${name}", path.parent.name)
    ]
    assert unused == []
