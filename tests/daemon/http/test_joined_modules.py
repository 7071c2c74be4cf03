"""Joined modules do what the same modules do apart; what cannot be joined is refused with the statement's own words."""

import subprocess
from pathlib import Path

import pytest

from mien_daemon.http.joined_modules import UnjoinableModule, join_in_two, join_modules

# Every kind of statement that the joiner knows, two modules with the same names, one that two others import.
MODULES = {
    "main.js": """\
import "./noise.js";
import { tell as say, Teller } from "./parts/tell.js";
import { counter, name } from "./parts/counter.js";
console.log("main", name, this);
counter.count += 1;
say(`import { nothing } from "./nowhere.js"; is text here`);
new Teller().tell();
async function later(which) {
  const { a$b, show } = await import(`./parts/${which}.js`);
  show(a$b);
  await import("./noise.js");
}
later("later");
""",
    "noise.js": 'console.log("noise");\n',
    "parts/tell.js": """\
import { counter as shared, name } from "./counter.js";
const hidden = "tell's own";
export function tell(words) {
  console.log(words, shared.count, name, hidden);
}
export class Teller {
  tell = () => tell("told");
}
""",
    "parts/counter.js": """\
const hidden = "counter's own";
console.log("counter is made", hidden);
export const counter = { count: 0 };
export const name = "the counter";
""",
    "parts/later.js": """\
import {
  counter,
} from "./counter.js";
import { tell } from "./tell.js";
/** @type {import("./tell.js").Teller | null} */
const hidden$ = { $: "$&" };
export const a$b = "a$b";
export async function show() {
  tell(`later ${hidden$.$} ${a$b}`);
  console.log(counter.count, typeof every);
}
export async function* every() {}
""",
}


def run(script: Path) -> str:
    done = subprocess.run(["node", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow  # three starts of node
def test_joined_modules_say_and_share_what_they_do_apart(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{ "type": "module" }', encoding="utf-8")
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    joined = tmp_path / "joined.js"
    joined.write_text(join_modules(MODULES, "main.js"), encoding="utf-8")
    said = run(joined)
    assert said == run(tmp_path / "main.js")
    early, rest = join_in_two(MODULES, "parts/counter.js", "./early.js", "main.js")
    (tmp_path / "early.js").write_text(early, encoding="utf-8")
    (tmp_path / "rest.js").write_text(rest, encoding="utf-8")
    assert sorted(run(tmp_path / "rest.js").splitlines()) == sorted(said.splitlines())  # what is early speaks first
    assert said.startswith("noise\ncounter is made counter's own\nmain the counter undefined\n")
    assert said.endswith("later $& a$b 1 the counter tell's own\n1 function\n")


@pytest.mark.parametrize(
    "statement",
    [
        'import whole from "./b.js";',
        'import * as all from "./b.js";',
        "export default 1;",
        "export let changing = 1;",
        "export { one };",
        'export { one } from "./b.js";',
        "export const { one } = {};",
        'import { one } from "elsewhere";',
        'import { none } from "./b.js";',
        'import { one } from "./none.js";',
        'import { one } from "../b.js";',
        'import { o$ne } from "./b.js";',
        'import("./b.js").then(show);',
        'const later = async () => await import("./none.js");',
        "const later = async (which) => await import(which);",
    ],
)
def test_what_cannot_be_joined_is_refused(statement: str) -> None:
    with pytest.raises(UnjoinableModule, match=r"^a\.js: "):
        join_modules({"a.js": f"{statement}\n", "b.js": "export const one = 1;\n"}, "a.js")


def test_modules_that_import_each_other_are_refused_and_may_still_do_so_later() -> None:
    pair = {"a.js": 'import "./b.js";\n', "b.js": 'import "./c.js";\n', "c.js": 'import "./a.js";\n'}
    with pytest.raises(UnjoinableModule, match=r"a\.js, b\.js, c\.js"):
        join_modules(pair, "a.js")
    assert "$later" in join_modules({**pair, "c.js": 'const load = async () => await import("./a.js");\n'}, "a.js")


@pytest.mark.slow  # a start of node
def test_a_module_that_its_own_import_asks_for_at_once_is_evaluated_once(tmp_path: Path) -> None:
    modules = {
        "main.js": 'import { load } from "./load.js";\nconsole.log("main");\nexport const state = {};\nload();\n',
        "load.js": 'export const load = async () => (await import("./late.js")).late;\n',
        "late.js": 'import { state } from "./main.js";\nexport const late = state;\n',
    }
    joined = tmp_path / "joined.mjs"
    joined.write_text(join_modules(modules, "main.js"), encoding="utf-8")
    assert run(joined) == "main\n"


@pytest.mark.slow  # a start of node
def test_what_is_imported_later_is_evaluated_in_a_task_of_its_own(tmp_path: Path) -> None:
    """As a browser does, which has to fetch it: what the page shows meanwhile need not wait for it."""
    modules = {
        "main.js": """\
const load = async () => await import("./late.js");
load();
const after = (turns) => (turns ? Promise.resolve(turns - 1).then(after) : console.log("the task is over"));
after(9);
""",
        "late.js": 'console.log("late");\n',
    }
    joined = tmp_path / "joined.mjs"
    joined.write_text(join_modules(modules, "main.js"), encoding="utf-8")
    assert run(joined) == "the task is over\nlate\n"


def test_comments_of_whole_lines_are_left_out_and_no_text_that_looks_like_one() -> None:
    source = """\
// Counts.
/**
 * Once more.
 * @returns {number}
 */
export function count() {
  // why
  return 2 * "// no comment".length; // stays
}
"""
    joined = join_modules({"main.js": source}, "main.js")
    assert "export" not in joined
    assert "Counts" not in joined
    assert "Once more" not in joined
    assert "// why" not in joined
    assert 'return 2 * "// no comment".length; // stays' in joined


def test_a_text_of_several_lines_is_refused_as_comments_cannot_be_told_in_it() -> None:
    with pytest.raises(UnjoinableModule, match="several lines"):
        join_modules({"main.js": "const a = `one\n// two\n`;\n"}, "main.js")
