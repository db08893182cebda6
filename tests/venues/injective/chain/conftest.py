"""Without the official SDK, which has no wheels for Python 3.13, only what needs none of it is tested."""

import importlib.util
import os
import sys
from pathlib import Path

WITHOUT_SDK = {"addresses", "amounts", "policy", "refusals", "submission", "trader", "wire"}
"""Of these modules the tests run everywhere."""
MISSING = importlib.util.find_spec("pyinjective") is None and (
    os.environ.get("CI") != "true" or sys.version_info >= (3, 13)
)

collect_ignore = [
    path.name
    for path in Path(__file__).parent.glob("test_*.py")
    if MISSING and path.stem.removeprefix("test_") not in WITHOUT_SDK
]
