"""The checks by name, in the environment that nox runs in: `nox -l` lists them, `nox -s fast lint` runs two."""

import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
# The tools of the environment that nox itself runs in, whether it is activated or not.
TOOL = (sys.executable, "-m")

nox.options.sessions = ["fast", "lint", "types"]

# Folders whose tests need a browser, a desktop, or torch; importing torch alone takes seconds. Modules that spend
# their time in processes of their own are marked `slow`.
NOT_FAST = (
    "tests/e2e",
    "tests/gpu",
    "tests/pipeline/engines/diffusion",
    "tests/pipeline/engines/flux",
    "tests/pipeline/restorers",
    "tests/pipeline/test_sampling.py",
)


@nox.session
def fast(session: nox.Session) -> None:
    """The unit tests: under a minute on two cores, collection included."""
    left_out = [f"--ignore={path}" for path in NOT_FAST]
    session.run(*TOOL, "pytest", "-q", "-m", "not slow and not ray", *left_out, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style of the Python code."""
    session.run(*TOOL, "ruff", "check", ".")
    session.run(*TOOL, "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types of the Python code."""
    session.run(*TOOL, "mypy")
    session.run(*TOOL, "pyright")


@nox.session
def lock(session: nox.Session) -> None:
    """Whether uv.lock, and the engines' lock exported from it, are those of pyproject.toml; `-- write` mends them."""
    lock_of_engines = "pipeline/mien_models/environments/pylock.engines.toml"
    write = "write" in session.posargs
    session.run(*TOOL, "uv", "lock", *([] if write else ["--check"]))
    words = ["--frozen", "--extra", "gpu", "--no-emit-project", "--no-dev", "--no-header", "--format", "pylock.toml"]
    exported = str(session.run(*TOOL, "uv", "export", "-q", *words, silent=True))
    if write:
        Path(lock_of_engines).write_text(exported, encoding="utf-8")
    elif Path(lock_of_engines).read_text(encoding="utf-8") != exported:
        session.error(f"{lock_of_engines} is not what uv.lock exports")


@nox.session
def javascript(session: nox.Session) -> None:
    """Style, format and types of the JavaScript, then its own tests under node."""
    session.run("npm", "ci", "--silent", "--prefix", "tests/javascript", external=True)
    session.run("npm", "run", "--silent", "--prefix", "tests/javascript", "check", external=True)
    session.run(*TOOL, "pytest", "-q", "tests/extension", "tests/daemon/console")


@nox.session
def browser(session: nox.Session) -> None:
    """Console, extension and tray in real browsers and on a real desktop."""
    session.run(*TOOL, "pytest", "-q", "tests/e2e", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Every file-system call of every command and request fails once: about forty minutes. Linux, with a C compiler."""
    env = {"MIEN_EVERY_FAULT": "1"}
    session.run(*TOOL, "pytest", "-q", "tests/faults", *session.posargs, env=env)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Follow coverage through every reader of foreign bytes: ten minutes in all, or `-- SECONDS`. Linux, with atheris.

    The inputs that reached new code stay in `.fuzz/`, where the next run begins; a finding lies beside them.
    """
    names = session.run(*TOOL, "mien_testing.fuzz_targets", silent=True)
    targets = str(names).split()
    seconds = int(session.posargs[0]) if session.posargs else 600
    each = f"-max_total_time={max(1, seconds // len(targets))}"
    for target in targets:
        session.run(sys.executable, "tests/fuzz/run.py", target, f".fuzz/{target}", each)


@nox.session
def ray(session: nox.Session) -> None:
    """Folder runs on a Ray cluster, with their faults: about five minutes. Linux, with `mien[ray]` installed."""
    session.run(*TOOL, "pytest", "-q", "-n", "0", "-m", "ray", "tests/cli/batch/cluster", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """A thousand real jobs from four clients: none lost, memory and seconds a job steady. About half an hour."""
    session.run(
        *TOOL,
        "pytest",
        "-q",
        "-s",
        "tests/faults/test_many_clients.py",
        *session.posargs,
        env={"MIEN_SOAK_JOBS": "1000"},
    )


@nox.session
def shipped(session: nox.Session) -> None:
    """Build what a release has for Linux, and try it in a bare Debian root without a network: some fifteen minutes.

    Linux as root, with `debootstrap` and `dpkg-dev`; all lies in `build/shipped`. `-- FOLDER` tries what is there.
    """
    folder = session.posargs[0] if session.posargs else "build/shipped"
    if not session.posargs:
        session.run(sys.executable, "installers/release.py", "build", folder)
    if not Path(folder, "root").is_dir():
        session.run("debootstrap", "--variant=minbase", "bookworm", f"{folder}/root", external=True)
    session.run(*TOOL, "pytest", "-q", "tests/shipped", env={"MIEN_SHIPPED": folder})


@nox.session(name="all")
def everything(session: nox.Session) -> None:
    """What CI runs."""
    session.run(*TOOL, "pytest", "-q", *session.posargs)
    for other in ("lint", "types", "javascript"):
        session.notify(other)
