import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _kept_apart(tmp_path_factory):
    """What is compiled here is kept for this run, for all of its workers, and not where the user's is."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(folder))
        yield
