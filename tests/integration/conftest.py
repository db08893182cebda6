import pytest

from tests.cli.harness import Background, Defi, clean_environment, forget_log


@pytest.fixture(scope="session")
def background():
    with Background() as background:
        yield background


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    clean_environment(monkeypatch, tmp_path)
    yield tmp_path
    forget_log()


@pytest.fixture
def bare(capsys):
    """A command line without settings."""
    return Defi(capsys)
