import os
import sys
import traceback
from datetime import datetime
from pathlib import Path

from defi_analytics.clock import WallClock
from defi_analytics.config.load import default_home
from defi_analytics.log import shown


def crash_file(error: Exception) -> str:
    """Writes the traceback, without local values and with known secrets taken out; returns where."""
    home = os.environ.get("DEFI_HOME")
    folder = (Path(home) if home else default_home(os.environ)) / "crashes"
    text = "\n".join(shown(line) for line in "".join(traceback.format_exception(error)).splitlines())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / _name(WallClock().now())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"python {' '.join(sys.version.split())}\n{text}\n")
    except OSError as reason:
        return f"nowhere: the crash file could not be written ({reason.strerror})"
    return str(path)


def _name(at: datetime) -> str:
    return f"crash-{at:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
