from defi_analytics.config import schema


def test_every_setting_of_one_line_can_be_set_by_a_variable():
    settable = set(schema.settable())
    assert ("scan", "against") in settable
    assert ("allora", "prediction_settings", "time_horizon") in settable
    assert ("venues", "okx-perp", "taker_fee") in settable
    assert ("injective", "markets") not in settable
    assert ("scan",) not in settable


def test_nothing_lies_below_a_value():
    assert schema.at(("scan", "top", "x")) is None
    assert schema.at(("nothing", "x")) is None
    assert schema.names(("scan", "top")) == ()


def test_a_comment_is_the_text_of_its_annotation():
    assert schema.comment(schema.at(("scan", "top"))) == "rows shown"
    assert schema.comment(schema.at(("scan",))) == ""
