from datetime import datetime, timedelta

from defi_analytics.domain.prediction import Prediction
from defi_analytics.ports import Clock, Predictor


class ReusedPredictor:
    """Another predictor, asked again only after `reuse_s`: a network infers far more rarely than we look."""

    def __init__(self, predictor: Predictor, clock: Clock, reuse_s: float) -> None:
        self._predictor = predictor
        self._clock = clock
        self._reuse = timedelta(seconds=reuse_s)
        self._kept: dict[tuple[str, int | None], Prediction] = {}

    @property
    def name(self) -> str:
        return self._predictor.name

    def assets(self) -> frozenset[str]:
        return self._predictor.assets()

    async def predict(self, asset: str, horizon_s: int | None = None) -> Prediction:
        """The kept prediction while it is young, fresh and its target ahead, else a new one."""
        kept = self._kept.get((asset, horizon_s))
        now = self._clock.now()
        if kept is not None and now < _good_until(kept, self._reuse):
            return kept
        fresh = await self._predictor.predict(asset, horizon_s)
        self._kept[asset, horizon_s] = fresh
        return fresh


def _good_until(kept: Prediction, reuse: timedelta) -> datetime:
    return min(kept.target_time, kept.usable_at + reuse, kept.fresh_until or kept.target_time)
