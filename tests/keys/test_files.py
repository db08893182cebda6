import errno
import os

import pytest

from defi_analytics.errors import AuthError, WrongState
from defi_analytics.keys import files
from defi_analytics.keys.files import private_bytes, private_folder, write_private


def failing(number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("step", ["fsync", "open"])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch, step):
    monkeypatch.setattr(files.os, step, failing(errno.ENOSPC))
    with pytest.raises(WrongState, match="No space left"):
        write_private(tmp_path / "key.json", b"content")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_of_two_writers_one_wins_and_the_other_leaves_nothing(tmp_path):
    path = tmp_path / "key.json"
    write_private(path, b"first")
    with pytest.raises(WrongState, match="exists"):
        write_private(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(AuthError, match="cannot be read"):
        private_folder(tmp_path / "gone")


def test_what_others_may_do_can_be_allowed_in_part(tmp_path):
    path = tmp_path / "credential"
    path.write_bytes(b"text")
    path.chmod(0o440)
    assert private_bytes(path, "here", 10, 0o007) == b"text"
    with pytest.raises(AuthError, match="here: others may read"):
        private_bytes(path, "here", 10)
