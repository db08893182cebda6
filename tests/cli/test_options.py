from defi_analytics.cli.options import asked_for


class Quiet:
    no_input = True


def test_who_may_not_be_asked_is_not():
    asked = asked_for(Quiet, "spare", 3, may_withdraw=True)
    assert asked == ("spare", 3, False, True)
