import stat
import threading
from pathlib import Path

import pytest

from defi_analytics.errors import WrongState
from defi_analytics.storage.published import Metric, exposition, publish


def test_a_reader_never_sees_a_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "made" / "status.json"
    texts = {letter * 20_000 for letter in "abc"}
    publish(path, "a" * 20_000)
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(60):
        for text in texts:
            publish(path, text)
    done.set()
    reader.join()
    assert seen <= texts
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["status.json"]


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "status").mkdir()
    with pytest.raises(WrongState, match="cannot be written"):
        publish(tmp_path / "status", "x")
    assert [each.name for each in tmp_path.iterdir()] == ["status"]


def test_metrics_are_written_in_the_text_format_of_prometheus() -> None:
    cycles = Metric("defi_cycles_total", "counter", "Cycles since the start.")
    cycles.add(3)
    held = Metric("defi_position_base", "gauge", "Base held\\short.")
    held.add(-0.1, market='IN"J\n', strategy="oracle")
    unknown = Metric("defi_equity", "gauge", "Account currency.")
    assert exposition([cycles, held, unknown]).splitlines() == [
        "# HELP defi_cycles_total Cycles since the start.",
        "# TYPE defi_cycles_total counter",
        "defi_cycles_total 3",
        "# HELP defi_position_base Base held\\\\short.",
        "# TYPE defi_position_base gauge",
        'defi_position_base{market="IN\\"J\\n",strategy="oracle"} -0.10000000000000001',
    ]
