"""What the tests of several engines share."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mien_testing.swapper import Folder


@pytest.fixture(scope="session")
def swapper_weights(tmp_path_factory: pytest.TempPathFactory) -> "Folder":
    """inswapper's two networks with weights of our own."""
    from mien_testing.swapper import write_swapper  # it imports onnx, which most tests here do without

    return write_swapper(tmp_path_factory.mktemp("inswapper"))
