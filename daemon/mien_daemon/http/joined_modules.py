"""ES modules joined into one script or two, so that a page asks for as many files instead of a hundred.

The script keeps what a browser promises of modules: each has a scope of its own, is evaluated once, when it is first
imported, and after what it imports. Comments that have their lines to themselves are left out. It is text in, text
out; nothing needs node. The joiner reads whole lines, as the formatter writes them, and refuses what it does not know:

    import { one, two as other } from "./file.js";      export function, async function, class or const NAME
    import "./file.js";                                  await import("./file.js"), also with a `${name}` in it
"""

import posixpath
import re
from collections.abc import Mapping, Sequence, Set

IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"(\.[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function\*? ?|class |const )([\w$]+)", re.MULTILINE)
STATEMENT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
LATER = re.compile(r"""\bawait import\((["`])([^"`\n]+)\1\)""")
CALL = re.compile(r"^(?!\s*(?:/\*|\*|//)).*\bimport\(.*", re.MULTILINE)  # comments may name the types of a module
# Comments that have their lines to themselves: a fifth of what a browser would load.
COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)
NAME = re.compile(r"([\w$]+)(?: as ([\w$]+))?")
# What is imported later comes in a task of its own, as from a browser that fetches it: the page is drawn meanwhile.
LOADER = """\
const $evaluated = new Map();
const $import = (name) => {
%sif (!$evaluated.has(name)) $evaluated.set(name, $modules[name]());
return $evaluated.get(name);
};
const $later = async (from, path) => {
await new Promise((resolve) => setTimeout(resolve));
return $import(new URL(path, `file:///${from}`).pathname.slice(1));
};
"""


class UnjoinableModule(Exception):
    """A module says something that cannot be joined, or that no browser would run."""


def join_modules(sources: Mapping[str, str], start: str, names: Set[str] | None = None, elsewhere: str = "") -> str:
    """One module script that runs the module `start`.

    Args:
        sources: the text of every module by its path, "folder/file.js".
        start: the path of the module that imports the others.
        names: those that the script holds, by default all; the line `elsewhere` finds the others.

    Raises:
        UnjoinableModule: a statement is not one of those above, a module or a name in it does not exist, or modules
            import each other in a circle.
    """
    require_order(sources)
    held = sorted(sources.keys() if names is None else names)
    modules = "".join(f'"{name}": () => {{\n{wrap(name, sources)}}},\n' for name in held)
    return f'{LOADER % elsewhere}const $modules = {{\n{modules}}};\n$import("{start}");\n'


def join_in_two(sources: Mapping[str, str], first: str, address: str, start: str) -> tuple[str, str]:
    """Two module scripts: the module `first` with all that it imports runs while the rest is still on its way.

    Args:
        sources, start: as `join_modules`, which says what is raised.
        first: the path of the module that need not wait; nothing that it imports is imported later.
        address: of the first script, from which the second takes what is there already.
    """
    early = reach(first, sources)
    taken = f'import {{ $import as $earlier }} from "{address}";\n'
    rest = join_modules(sources, start, sources.keys() - early, "if (!(name in $modules)) return $earlier(name);\n")
    return join_modules(sources, first, early) + "export { $import };\n", taken + rest


def reach(name: str, sources: Mapping[str, str]) -> Set[str]:
    """The module and all that it imports before it is evaluated."""
    others = (reach(find(name, path, sources), sources) for _, path in IMPORT.findall(sources[name]))
    return {name}.union(*others)


def wrap(name: str, sources: Mapping[str, str]) -> str:
    """The body of the function that evaluates one module and returns what it exports."""
    source = COMMENT.sub("", sources[name])
    if open_text := next((line for line in source.splitlines() if line.count("`") % 2), None):
        raise UnjoinableModule(
            f"{name}: a text of several lines may hold what looks like a comment: {open_text.strip()}"
        )
    known = [match.start() for form in (IMPORT, EXPORT) for match in form.finditer(source)]
    for statement in STATEMENT.finditer(source):
        if statement.start() not in known:
            raise UnjoinableModule(f"{name}: {statement[0]}")
    for wanted, path in IMPORT.findall(source):
        other = find(name, path, sources)
        if missing := {theirs for theirs, _ in NAME.findall(wanted)} - set(list_exports(sources[other])):
            raise UnjoinableModule(f"{name}: {other} exports no {', '.join(sorted(missing))}")
    for _, path in LATER.findall(source):
        if "${" not in path:
            find(name, path, sources)
    if call := CALL.search(LATER.sub("", source)):
        raise UnjoinableModule(f"{name}: {call[0].strip()}")
    body = IMPORT.sub(lambda found: bind(found[1], find(name, found[2], sources)), source)
    body = LATER.sub(rf'await $later("{name}", \1\2\1)', EXPORT.sub(r"\1\2", body))
    return f"{body}\nreturn {{ {', '.join(list_exports(source))} }};\n"


def bind(wanted: str | None, other: str) -> str:
    """The statement that takes the place of an import: it binds the names to what the other module exports."""
    if wanted is None:
        return f'$import("{other}");'
    names = ", ".join(f"{theirs}: {ours}" if ours else theirs for theirs, ours in NAME.findall(wanted))
    return f'const {{ {names} }} = $import("{other}");'


def list_exports(source: str) -> Sequence[str]:
    return [name for _, name in EXPORT.findall(source)]


def find(name: str, path: str, sources: Mapping[str, str]) -> str:
    """The module that `name` means by `path`."""
    other = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    if other not in sources:
        raise UnjoinableModule(f"{name}: there is no {other}")
    return other


def require_order(sources: Mapping[str, str]) -> None:
    """Require that every module can be evaluated after all that it imports."""
    left = {name: {find(name, path, sources) for _, path in IMPORT.findall(text)} for name, text in sources.items()}
    while left:
        ready = {name for name, needs in left.items() if not needs & left.keys()}
        if not ready:
            raise UnjoinableModule(f"these import each other: {', '.join(sorted(left))}")
        left = {name: needs for name, needs in left.items() if name not in ready}
