from defi_analytics.cli.options import asked_for
from tests.docs import command_tree


def test_no_option_takes_what_is_no_finite_number_for_one():
    """A float of the command line's own library may be NaN, which passes every range and every limit."""
    options = [(path, one) for path, command in command_tree().items() for one in command.params]
    assert any(one.type.name == "parse" for _, one in options), "those with a parser of ours"
    assert [(path, one.name) for path, one in options if one.type.name.startswith("float")] == []


class Quiet:
    no_input = True


def test_who_may_not_be_asked_is_not():
    asked = asked_for(Quiet, "spare", 3, may_withdraw=True)
    assert asked == ("spare", 3, False, True)
