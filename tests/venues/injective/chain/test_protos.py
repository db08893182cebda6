from typing import Any

import pytest

from defi_analytics.errors import (
    ConfigError,
)
from defi_analytics.venues.injective.chain import protos as protos_module


async def test_without_the_sdk_one_line_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> Any:
        raise ImportError(name)

    protos_module.protos.cache_clear()
    monkeypatch.setattr(protos_module, "import_module", missing)
    with pytest.raises(ConfigError, match="not installed") as caught:
        protos_module.protos()
    assert "pip install" in caught.value.hint
    monkeypatch.undo()
    assert protos_module.protos()
