from decimal import Decimal

from defi_analytics.metrics.dispersion import Knot, knots
from defi_analytics.predictors.allora.inference import ChainInference, WorkerValue


def inference(**fields):
    return ChainInference(topic_id=1, nonce=1, combined=Decimal(1), **fields)


def test_forecast_implied_values_count_like_inferers():
    both = inference(inferers=(WorkerValue("a", Decimal(1)),), forecasters=(WorkerValue("b", Decimal(3)),))
    assert both.knots() == knots([1, 3])


def test_known_weights_are_used_and_a_worker_without_one_has_no_say():
    weighed = inference(
        inferers=(
            WorkerValue("a", Decimal(1), Decimal(3)),
            WorkerValue("b", Decimal(2), Decimal(1)),
            WorkerValue("c", Decimal(900)),
        )
    )
    assert weighed.knots() == knots([1, 2], [3, 1])


def test_the_chains_own_percentiles_win():
    own = (Knot(2.28, 1.0), Knot(97.72, 2.0))
    assert inference(inferers=(WorkerValue("a", Decimal(9)),), percentiles=own).knots() == own


def test_without_workers_there_is_no_distribution():
    assert inference().knots() == ()
