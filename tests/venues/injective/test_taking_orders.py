import pytest

from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.taking_orders import parse_post_only_until
from tests.venues.injective.payloads import body


def test_the_height_is_what_the_parameters_say_and_0_where_they_say_nothing():
    told = body({"params": {"post_only_mode_height_threshold": "57078000", "fixed_gas_enabled": True}})
    assert parse_post_only_until("injective", told) == 57_078_000
    assert parse_post_only_until("injective", body({"params": {}})) == 0


@pytest.mark.parametrize(
    "answer",
    [b"", b"{}", b"null", b'{"params": null}']
    + [
        body({"params": {"post_only_mode_height_threshold": told}}) for told in ("-1", "1.0", "9" * 19, 5, "")
    ],
)
def test_what_is_no_height_is_malformed(answer):
    with pytest.raises(Malformed):
        parse_post_only_until("injective", answer)
