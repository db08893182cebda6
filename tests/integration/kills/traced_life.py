"""One life that ends by itself, for strace to look at: python -m tests.integration.kills.traced_life HOME PORT CYCLES."""

import os
import sys
from pathlib import Path

from tests.integration.kills.life import Place, lived

if __name__ == "__main__":
    home, port, cycles = sys.argv[1:]
    told = os.open(os.devnull, os.O_WRONLY)
    sys.exit(lived(Place(Path(home), int(port)), told, int(cycles)))
