"""The checks by name, in the environment that nox runs in: `nox -l` lists them, `nox -s fast lint` runs two."""

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["fast", "lint", "types"]

# Tests that need a browser, a desktop, torch, or a process of their own for most of their time.
NOT_FAST = (
    "tests/e2e",
    "tests/gpu",
    "tests/pipeline/engines/diffusion",
    "tests/pipeline/engines/flux",
    "tests/pipeline/restorers",
)


@nox.session
def fast(session: nox.Session) -> None:
    """The unit tests: under a minute on two cores, collection included."""
    session.run("pytest", "-q", "-m", "not slow", *(f"--ignore={path}" for path in NOT_FAST), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style of the Python code."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types of the Python code."""
    session.run("mypy")
    session.run("pyright")


@nox.session
def javascript(session: nox.Session) -> None:
    """Style, format and types of the JavaScript, then its own tests under node."""
    session.run("npm", "ci", "--silent", "--prefix", "tests/javascript", external=True)
    session.run("npm", "run", "--silent", "--prefix", "tests/javascript", "check", external=True)
    session.run("pytest", "-q", "tests/extension", "tests/daemon/console")


@nox.session
def browser(session: nox.Session) -> None:
    """Console, extension and tray in real browsers and on a real desktop."""
    session.run("pytest", "-q", "tests/e2e", *session.posargs)


@nox.session(name="all")
def everything(session: nox.Session) -> None:
    """What CI runs."""
    session.run("pytest", "-q", *session.posargs)
    for other in ("lint", "types", "javascript"):
        session.notify(other)
