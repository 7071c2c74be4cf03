"""An engine's environment is made from locked wheels by the real uv, which fetches nothing: whole or not at all."""

import json
import subprocess
from pathlib import Path

import pytest

from mien_core.errors import ChecksumMismatch, EngineOutdated, EngineUnavailable, ImportRefused, Offline
from mien_core.program import command_for
from mien_models.environments import environment as module
from mien_models.environments.environment import EngineEnvironment, find_engine_python
from mien_models.environments.offline_set import MANIFEST, export_wheels, import_wheels
from mien_models.environments.outdated import telling_outdated
from mien_models.environments.uv import find_uv
from mien_models.progress import PullProgress
from mien_models.remote.index_settings import IndexSettings
from mien_models.remote.indexes import one_index
from mien_models.remote.network import Network, RetryPolicy
from mien_testing.engine_wheels import offer_wheels, write_lock, write_wheel, write_wheels
from mien_testing.network import Shop, break_off, serve

pytestmark = pytest.mark.slow


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    return write_wheels(tmp_path / "published")


@pytest.fixture
def network(shop: Shop, wheels: list[Path]) -> Network:
    """An index that has both wheels."""
    offer_wheels(shop, wheels)
    settings = one_index(shop.url + "simple/")
    return Network(RetryPolicy(attempts=2, first_s=0.01), token=lambda: None, indexes=lambda: settings)


@pytest.fixture
def environment(tmp_path: Path, wheels: list[Path], shop: Shop, monkeypatch: pytest.MonkeyPatch) -> EngineEnvironment:
    monkeypatch.setattr(module, "check_disk", lambda folder, needed: None)  # pyright: ignore[reportUnknownLambdaType]
    return EngineEnvironment(tmp_path / "models", write_lock(tmp_path / "pylock.toml", wheels, shop.url + "files/"))


def left_in(environment: EngineEnvironment) -> set[str]:
    return {path.name for path in environment.folder.iterdir()} if environment.folder.exists() else set()


def test_it_is_made_tried_and_kept_and_goes_with_its_last_engine(
    environment: EngineEnvironment, network: Network, shop: Shop
) -> None:
    """A cut transfer goes on, nothing but the environment stays, and the worker's Python is its own."""
    shop.next = [serve, serve, break_off(100)]
    told: list[PullProgress] = []
    assert (environment.state, find_engine_python(environment.folder.parent)) == ("absent", None)
    made = environment.install("flux", "cpu", network=network, on_progress=told.append)

    assert (made.torch, made.device, made.engines) == ("2.13.0+made.up", "cpu", ("flux",))
    assert environment.state == "ready"
    assert left_in(environment) == {"env", "installed.json"}
    assert list(dict.fromkeys(one.stage for one in told))[-2:] == ["installing", "done"]
    assert "127.0.0.1" in (environment.folder.parent / "egress.log").read_text()
    command = command_for("mien", interpreter=environment.python)
    assert command[0] == str(environment.python)
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mien ")
    code = "import extra, sys; print(extra.answer, sys.prefix)"
    said = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["42", str(environment.folder / "env")]

    asked = len(shop.asked)
    environment.install("inswapper", "cpu", network=network)
    assert len(shop.asked) == asked
    assert environment.serves("inswapper")
    assert not environment.remove("flux")
    assert (environment.serves("flux"), environment.serves("inswapper")) == (False, True)
    assert environment.remove("inswapper")
    assert not environment.folder.exists()


def test_a_set_made_on_one_machine_installs_on_another_without_a_network(
    environment: EngineEnvironment, network: Network, wheels: list[Path], shop: Shop, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    assert export_wheels(environment, stick, network=network) == [wheel.name for wheel in wheels]
    other = EngineEnvironment(tmp_path / "other", environment.lock)
    with pytest.raises(Offline) as refused:
        other.install("flux", "cpu", network=None)
    assert refused.value.fields["files"] == [wheel.name for wheel in wheels]
    import_wheels(other, stick)
    assert other.install("flux", "cpu", network=None).found == "cpu"

    (stick / wheels[1].name).write_bytes(b"x" * wheels[1].stat().st_size)
    with pytest.raises(ChecksumMismatch):
        import_wheels(EngineEnvironment(tmp_path / "third", environment.lock), stick)
    (stick / wheels[1].name).unlink()
    with pytest.raises(ImportRefused) as refusal:
        import_wheels(EngineEnvironment(tmp_path / "third", environment.lock), stick)
    assert refusal.value.fields["reason"] == "missing"
    longer = write_lock(tmp_path / "other.toml", wheels[:1], shop.url)
    with pytest.raises(ImportRefused) as refusal:
        import_wheels(EngineEnvironment(tmp_path / "third", longer), stick)
    assert refusal.value.fields["reason"] == "other-lock"
    (stick / MANIFEST).unlink()
    with pytest.raises(ImportRefused) as refusal:
        import_wheels(environment, stick)
    assert refusal.value.fields["reason"] == "not-exported"


def test_an_environment_of_another_lock_or_version_is_outdated_and_not_run(environment: EngineEnvironment) -> None:
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    record = {"device": "cpu", "torch": "2", "found": "cpu", "engines": ["flux"]}
    record |= {"version": "0.0.1", "lock_sha256": environment.lock.sha256}
    (environment.folder / "installed.json").write_text(json.dumps(record))
    root = environment.folder.parent
    assert (environment.state, environment.serves("flux"), find_engine_python(root)) == ("outdated", False, None)
    with pytest.raises(EngineOutdated) as refused, telling_outdated("flux", root):
        raise EngineUnavailable("flux needs torch", engine="flux", libraries=["torch"])
    assert refused.value.fields == {"engine": "flux", "command": "mien engines install flux"}
    (environment.folder / "installed.json").write_text("half")
    assert environment.state == "absent"
    with pytest.raises(EngineUnavailable), telling_outdated("flux", root):
        raise EngineUnavailable("flux needs torch", engine="flux", libraries=["torch"])


def test_a_torch_that_does_not_start_leaves_the_old_environment_as_it_was(
    environment: EngineEnvironment, network: Network, wheels: list[Path], tmp_path: Path, shop: Shop
) -> None:
    before = environment.install("flux", "cpu", network=network)
    broken = write_wheel(wheels[0].parent, "torch", "2.13.0", {"torch/__init__.py": "raise ImportError('libcudart')"})
    shop.files[f"/files/{broken.name}"] = broken.read_bytes()
    newer = EngineEnvironment(environment.folder.parent, write_lock(tmp_path / "new.toml", [broken], shop.url))
    with pytest.raises(EngineUnavailable) as refused:
        newer.install("flux", "cpu", network=network)
    assert refused.value.fields["reason"] == "broken"
    assert "libcudart" in str(refused.value.fields["detail"])
    assert (environment.state, environment.installed) == ("ready", before)
    assert left_in(environment) == {"env", "installed.json", "wheels"}


def test_a_listener_that_raises_ends_it_and_what_came_is_kept(environment: EngineEnvironment, network: Network) -> None:
    class Stopped(Exception):
        pass

    def stop(progress: PullProgress) -> None:
        if progress.stage == "installing":
            raise Stopped

    with pytest.raises(Stopped):
        environment.install("flux", "cpu", network=network, on_progress=stop)
    assert environment.state == "absent"
    assert left_in(environment) == {"wheels"}
    assert environment.install("flux", "cpu", network=None).torch == "2.13.0+made.up"


def test_without_uv_it_is_said_what_brings_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find_uv({"PATH": ""}).is_file()
    monkeypatch.setattr("mien_models.environments.uv._in_package", lambda: None)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(EngineUnavailable) as refused:
        find_uv({"PATH": str(tmp_path)})
    assert refused.value.fields == {"needs": "uv"}
    (tmp_path / "uv").touch(0o755)
    assert find_uv({}) == tmp_path / "uv"


def test_an_index_without_the_wheel_is_told_from_one_with_another(
    environment: EngineEnvironment, network: Network, wheels: list[Path], shop: Shop
) -> None:
    shop.files[f"/files/{wheels[0].name}"] = b"x" * wheels[0].stat().st_size
    with pytest.raises(ChecksumMismatch):
        environment.install("flux", "cpu", network=network)
    nothing = Network(token=lambda: None, indexes=IndexSettings)
    with pytest.raises(Exception, match="no package index has") as refused:
        environment.install("flux", "cpu", network=nothing)
    assert getattr(refused.value, "fields", {})["reason"] == "not-found"
