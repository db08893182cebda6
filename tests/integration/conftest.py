"""Without the official SDK, which has no wheels for Python 3.13, the sandbox executes no transactions."""

import importlib.util
import os
import sys

TRADING = [
    "test_broadcast_faults.py",
    "test_crash_points.py",
    "test_dead_agent.py",
    "test_kill_loop.py",
    "test_killed_cli.py",
    "test_orders_by_hand.py",
    "test_round_trip.py",
]
MISSING = importlib.util.find_spec("pyinjective") is None and (
    os.environ.get("CI") != "true" or sys.version_info >= (3, 13)
)

collect_ignore = TRADING if MISSING else []
