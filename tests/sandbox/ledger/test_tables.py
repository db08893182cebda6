import pytest

from defi_analytics.sandbox.ledger.tables import Table, Undo


class Broken(Exception):
    pass


def broken(undo, *steps):
    with undo.atomic():
        for step in steps:
            step()
        raise Broken


def test_whatever_is_raised_takes_every_kind_of_change_back():
    undo = Undo()
    table = Table(undo)
    table.put("kept", 1)
    table.put("gone", 2)
    steps = (
        lambda: table.put("kept", 10),
        lambda: table.put("new", 3),
        lambda: table.drop("gone"),
        lambda: table.drop("never there"),
    )
    with pytest.raises(Broken):
        broken(undo, *steps)
    assert table.all == {"kept": 1, "gone": 2}
    assert (table.get("new", 0), table.find("new"), table.find("kept")) == (0, None, 1)


def test_an_inner_failure_takes_back_only_what_was_inside():
    undo = Undo()
    table = Table(undo)
    with undo.atomic():
        table.put("outer", 1)
        with pytest.raises(Broken):
            broken(undo, lambda: table.put("outer", 2))
        table.put("after", 3)
    assert table.all == {"outer": 1, "after": 3}


def test_an_outer_failure_takes_back_what_succeeded_inside():
    undo = Undo()
    table = Table(undo)

    def inner():
        with undo.atomic():
            table.put("inner", 1)

    with pytest.raises(Broken):
        broken(undo, inner)
    assert not table.all


def test_nothing_is_remembered_between_transactions():
    undo = Undo()
    table = Table(undo)
    with undo.atomic():
        table.put("a", 1)
    table.put("a", 2)
    with pytest.raises(Broken):
        broken(undo)
    assert table.all == {"a": 2}
    table.clear()
    assert not table.all
