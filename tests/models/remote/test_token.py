"""The Hugging Face token lies in the system's secret store or nowhere."""

from collections.abc import Callable, Generator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked

from mien_core.errors import KeyUnavailable
from mien_models.remote.token import forget_token, keep_token, read_token


class Vault(KeyringBackend):
    """A secret store in memory, as good as the system's."""

    priority = 5.0  # pyright: ignore[reportAssignmentType]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.secrets[service, username]


class PlainFile(Vault):
    """What a backend that writes plain files says of itself."""

    priority = 0.5  # pyright: ignore[reportAssignmentType]


@pytest.fixture
def use_keyring() -> Generator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("use_keyring")
def test_a_token_is_kept_read_and_forgotten() -> None:
    keyring.set_keyring(Vault())

    keep_token("hf_secret")
    assert read_token({}) == "hf_secret"
    forget_token()
    assert read_token({}) is None


@pytest.mark.usefixtures("use_keyring")
@pytest.mark.parametrize("make", [PlainFile, fail.Keyring], ids=["plain file", "none at all"])
def test_without_a_real_secret_store_nothing_is_kept(make: Callable[[], KeyringBackend]) -> None:
    backend = make()
    keyring.set_keyring(backend)

    with pytest.raises(KeyUnavailable):
        keep_token("hf_secret")
    assert read_token({}) is None
    with pytest.raises(KeyUnavailable):
        forget_token()
    assert getattr(backend, "secrets", {}) == {}


@pytest.mark.usefixtures("use_keyring")
def test_a_token_of_the_environment_goes_before_the_one_that_is_kept() -> None:
    keyring.set_keyring(Vault())
    keep_token("hf_kept")

    assert read_token({"HF_TOKEN": "hf_given"}) == "hf_given"


class Locked(Vault):
    """A store that says no to everything."""

    def refuse(self, *_: object) -> None:
        raise KeyringLocked("locked")

    get_password = set_password = delete_password = refuse  # type: ignore[assignment]


@pytest.mark.usefixtures("use_keyring")
def test_a_locked_store_is_named_and_not_taken_for_one_without_a_token() -> None:
    keyring.set_keyring(Locked())
    for action in (lambda: read_token({}), lambda: keep_token("hf_secret"), forget_token):
        with pytest.raises(KeyUnavailable):
            action()  # type: ignore[no-untyped-call]
    assert read_token({"HF_TOKEN": "hf_given"}) == "hf_given"
