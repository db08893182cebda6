from contextlib import closing
from pathlib import Path

import pytest

from defi_analytics.app.log_tail import Follower, last_lines
from defi_analytics.errors import WrongState


@pytest.mark.parametrize("count", [0, 1, 3, 5_000, 50_000])
def test_the_last_lines_are_read_from_the_end_whatever_the_size(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.log"
    lines = [f"line {number} {'x' * (number % 60)}" for number in range(20_000)]
    path.write_text("\n".join(lines) + "\n")
    assert last_lines(path, count) == (lines[-count:] if count else [])


def test_a_line_that_is_being_written_is_a_line_and_an_empty_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntw\xff\x1b")
    assert last_lines(path, 9) == ["one", "tw\\xff\\x1b"]
    path.write_bytes(b"")
    assert last_lines(path, 9) == []


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongState):
        last_lines(tmp_path / "none", 1)


def test_following_goes_on_in_the_file_that_a_rotation_made(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    with closing(Follower(path)) as follower:
        assert follower.fresh() == []
        with path.open("a") as file:
            file.write("one\nha")
        assert follower.fresh() == ["one"]
        with path.open("a") as file:
            file.write("lf\n")
        path.rename(tmp_path / "a.1.log")
        assert follower.fresh() == ["half"]
        path.write_text("new\n")
        assert follower.fresh() == ["new"]
