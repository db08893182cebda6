import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.metrics.dispersion import (
    MAX_LEVEL,
    STANDARD_PERCENTILES,
    Knot,
    agreement,
    central_interval,
    dispersion,
    half_width,
    knots,
    percentiles,
    probability_above,
)
from tests.shared_data import shared_json

value = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)
values = st.lists(value, min_size=1, max_size=30)
weight = st.floats(1e-6, 1e6)
percentile = st.floats(0, 100)


def published_knots():
    sample = shared_json("samples/allora/lcd_v4_v7_latest_network_inferences_topic1_docs.json")
    pairs = zip(
        sample["confidence_interval_raw_percentiles"], sample["confidence_interval_values"], strict=True
    )
    return tuple(Knot(float(p), float(v)) for p, v in pairs)


def topic_13(*fields):
    bundle = shared_json("samples/allora/event_v9_EventNetworkInferences_topic13_value_bundle_decoded.json")
    return [float(worker["value"]) for field in fields for worker in bundle[field]]


def test_the_networks_own_test_vector_with_equal_weights():
    assert percentiles([1, 2, 3, 4, 5], [1] * 5, (0, 50, 100)) == (1, 3, 5)


def test_the_networks_own_test_vector_with_unequal_weights():
    found = percentiles([10, 20, 30, 40, 50], [0.1, 0.2, 0.3, 0.4, 0.5], (10, 25, 50, 75, 90))
    assert [round(v, 4) for v in found] == [16.6667, 27, 38.5714, 47.2222, 50]


def test_the_real_workers_of_topic_13_have_the_known_percentiles():
    assert [round(v, 4) for v in percentiles(topic_13("inferer_values"))] == [
        4255.6228,
        4256.1736,
        4257.9162,
        4267.7069,
        4268.5123,
    ]
    assert [round(v, 4) for v in percentiles(topic_13("inferer_values", "forecaster_values"))] == [
        4255.6228,
        4256.8562,
        4258.7172,
        4266.6875,
        4268.5123,
    ]


def test_the_real_workers_of_topic_13_disagree_by_twelve_basis_points():
    spread = dispersion(topic_13("inferer_values", "forecaster_values"))
    assert round(spread, 2) == 4.92
    assert round(spread / 4260.0589, 4) == 0.0012


@pytest.mark.parametrize(
    ("price", "probability"), [(2550, 0.8104), (2605.5339, 0.5280), (2611.0331, 0.5), (2650, 0.2406)]
)
def test_the_published_percentiles_give_the_known_probabilities(price, probability):
    assert round(probability_above(price, published_knots()), 4) == probability


def test_the_published_percentiles_give_the_known_95_percent_interval():
    low, high = central_interval(0.95, published_knots())
    assert (round(low, 2), round(high, 2)) == (2493.01, 2682.49)


def test_the_widest_level_is_the_outer_percentiles_themselves():
    points = published_knots()
    assert central_interval(MAX_LEVEL, points) == pytest.approx((points[0].value, points[-1].value))


@pytest.mark.parametrize("level", [0, -0.5, 0.9545, 0.99, 1, math.nan])
def test_a_level_that_needs_extrapolation_is_refused(level):
    with pytest.raises(ValueError, match="tails are unknown"):
        central_interval(level, published_knots())


@pytest.mark.parametrize("points", [(), (Knot(0.25, 1), Knot(0.75, 2)), (Knot(2.28, 1), Knot(84.13, 2))])
def test_a_level_that_the_knots_do_not_reach_is_refused(points):
    with pytest.raises(ValueError, match="beyond the known"):
        central_interval(0.95, points)


def test_beyond_the_outer_knots_the_tail_that_is_left_is_the_answer():
    assert probability_above(1, published_knots()) == pytest.approx(0.9772)
    assert probability_above(1e9, published_knots()) == pytest.approx(0.0228)


def test_knots_of_equal_value_count_as_one_half_way():
    alike = tuple(Knot(p, 7.0) for p in STANDARD_PERCENTILES)
    assert probability_above(7, alike) == pytest.approx(0.5)
    assert probability_above(6.999, alike) == pytest.approx(0.9772)
    assert probability_above(7.001, alike) == pytest.approx(0.0228)


@pytest.mark.parametrize(("x", "points"), [(math.nan, published_knots), (1, tuple)])
def test_a_probability_of_nothing_is_refused(x, points):
    with pytest.raises(ValueError, match="not a number"):
        probability_above(x, points())


def test_agreement_is_the_weight_on_the_predictions_side_of_spot():
    assert agreement([90, 101, 102, 103], 104, 100) == 0.75
    assert agreement([90, 101, 102, 103], 104, 100, [3, 1, 1, 1]) == 0.5
    assert agreement([-0.01, 0.02], -0.005, 0) == 0.5
    assert agreement([100, 101, 99], 100, 100) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("bad", "weights"),
    [
        ([], None),
        ([1], [1, 2]),
        ([math.nan], None),
        ([math.inf], None),
        ([1], [-1]),
        ([1], [math.nan]),
        ([1, 2], [0, 0]),
        ([1, 2], [1.7e308, 1.7e308]),
    ],
)
def test_nothing_to_weigh_is_refused(bad, weights):
    with pytest.raises(ValueError):  # noqa: PT011  each case has its own words
        percentiles(bad, weights)


def test_a_value_without_weight_has_no_say():
    assert percentiles([1, 2, 3, 1000], [1, 1, 1, 0]) == percentiles([1, 2, 3])


def test_a_lone_worker_is_every_percentile():
    assert knots([42.0]) == tuple(Knot(p, 42.0) for p in STANDARD_PERCENTILES)


@given(st.lists(st.tuples(value, weight), min_size=1), st.lists(percentile, min_size=2))
def test_percentiles_rise_with_p_and_stay_within_the_values(pairs, ps):
    found = percentiles([v for v, _ in pairs], [w for _, w in pairs], sorted(ps))
    assert list(found) == sorted(found)
    assert min(v for v, _ in pairs) <= found[0]
    assert found[-1] <= max(v for v, _ in pairs)


@given(values, weight)
def test_equal_weights_are_no_weights(data, each):
    assert percentiles(data, [each] * len(data)) == pytest.approx(percentiles(data), rel=1e-9, abs=1e-3)


@given(values, st.floats(0.001, 1000), value)
def test_percentiles_follow_a_change_of_scale_and_origin(data, scale, shift):
    moved = percentiles([v * scale + shift for v in data])
    assert moved == pytest.approx([v * scale + shift for v in percentiles(data)], rel=1e-9, abs=1e-3)


@given(values, st.floats(0.001, 1000), value)
def test_dispersion_scales_and_does_not_shift(data, scale, shift):
    moved = dispersion([v * scale + shift for v in data])
    assert moved >= 0
    assert moved == pytest.approx(dispersion(data) * scale, rel=1e-6, abs=1e-3)


@given(values, value, value)
def test_a_higher_price_is_never_likelier_to_be_exceeded(data, one, other):
    points = knots(data)
    low, high = min(one, other), max(one, other)
    assert 0.0228 - 1e-9 <= probability_above(high, points) <= probability_above(low, points) <= 0.9772 + 1e-9


@given(values, st.floats(0.01, MAX_LEVEL), st.floats(0.01, MAX_LEVEL))
def test_a_higher_level_holds_the_interval_of_a_lower_one(data, one, other):
    points = knots(data)
    narrow, wide = (central_interval(level, points) for level in sorted((one, other)))
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert half_width(points) >= 0


@given(st.lists(st.tuples(value, weight), min_size=1), value, value)
def test_agreement_is_a_share(pairs, prediction, spot):
    assert 0 <= agreement([v for v, _ in pairs], prediction, spot, [w for _, w in pairs]) <= 1
