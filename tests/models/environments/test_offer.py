"""What an environment takes is told before anything is fetched, and so is what stands in its way."""

from pathlib import Path
from typing import NoReturn

import pytest

from mien_core.errors import EngineUnavailable
from mien_models.environments import environment as module
from mien_models.environments import own_packages, uv
from mien_models.environments.cards import Card
from mien_models.environments.environment import EngineEnvironment
from mien_models.environments.offer import offer_install
from mien_testing.engine_wheels import write_lock, write_wheels

PROCESSOR = Card("cpu", "no accelerator was found")


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    return write_wheels(tmp_path / "published")


@pytest.fixture
def environment(tmp_path: Path, wheels: list[Path]) -> EngineEnvironment:
    return EngineEnvironment(tmp_path / "models", write_lock(tmp_path / "pylock.toml", wheels, "http://localhost/"))


def test_what_is_fetched_already_does_not_count(environment: EngineEnvironment, wheels: list[Path]) -> None:
    offer = offer_install(environment, PROCESSOR)
    assert (offer.device, offer.found, offer.obstacle) == ("cpu", "no accelerator was found", None)
    assert offer.download_bytes == sum(wheel.stat().st_size for wheel in wheels)
    environment.wheels.folder.mkdir(parents=True)
    (environment.wheels.folder / wheels[0].name).write_bytes(wheels[0].read_bytes())
    assert offer_install(environment, PROCESSOR).download_bytes == wheels[1].stat().st_size


def test_a_card_that_the_lock_has_no_torch_for_is_named(environment: EngineEnvironment) -> None:
    offer = offer_install(environment, Card("rocm", "AMD's compute driver (kfd)"))
    assert (offer.obstacle, offer.device, offer.download_bytes) == ("not-locked", "rocm", 0)
    assert "rocm" in offer.why


def test_a_frozen_program_without_its_wheel_says_so(
    environment: EngineEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_packages, "is_frozen", lambda: True)
    assert offer_install(environment, PROCESSOR).obstacle == "no-wheel"


def test_a_machine_without_uv_or_python_says_so(
    environment: EngineEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none() -> NoReturn:
        raise EngineUnavailable("uv, which makes the environment, is not here", needs="uv")

    def fail(*_: object) -> NoReturn:
        raise EngineUnavailable("this system has no Python 3.11 to 3.14", needs="python")

    with monkeypatch.context() as patch:
        patch.setattr(module, "find_uv", find_none)
        assert offer_install(environment, PROCESSOR).obstacle == "uv"
    monkeypatch.setattr(uv.Uv, "find_python", fail)
    assert offer_install(environment, PROCESSOR).obstacle == "python"
