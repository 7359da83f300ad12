"""What the tests share. They run in any folder, with the package installed: ``pytest crates/python/tests``."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def architectures() -> Path:
    """The folder of the networks that come with the program."""
    return ROOT / "architectures"


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT
