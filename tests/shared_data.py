"""The one way to recorded payloads and market data, which live beside the project and are never copied in."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared(relative: str) -> Path:
    """A file or folder under $DEFI_SHARED (default ../shared). Missing: skip, but fail where CI=true."""
    base = Path(os.environ.get("DEFI_SHARED", ROOT.parent / "shared"))
    path = base / relative
    if path.exists():
        return path
    reason = f"{path} is missing: set DEFI_SHARED to the folder of recorded payloads"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def shared_json(relative: str) -> Any:
    return json.loads(shared(relative).read_bytes())
