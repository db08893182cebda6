"""`defi risk limits`: every limit with where it comes from, as an account is traded by it now."""

import math
from collections.abc import Iterator, Sequence

from defi_analytics.app.accounts import account_asked_about, chosen_account
from defi_analytics.app.in_force import LimitsInForce, in_force
from defi_analytics.app.limits import CAPITAL, SETTINGS, capital_of, limits_of_market, risk_limits
from defi_analytics.cli import risk_view
from defi_analytics.cli.common import Common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.render import emit
from defi_analytics.cli.schemas_risk import RiskLimitRow
from defi_analytics.cli.session import settings_of, warning
from defi_analytics.config.loaded import Loaded
from defi_analytics.config.settings import Settings
from defi_analytics.errors import UsageError
from defi_analytics.risk.explained import LIMITS
from defi_analytics.risk.limits import RiskLimits, tightened


def show_limits(common: Common, address: str | None) -> int:
    loaded = settings_of(common)
    settings = loaded.settings
    if address is not None:
        account_asked_about(settings.home, settings.network, address, warning(common))
    force = _in_force(settings, address)
    rows = list(_capital(loaded))
    rows += [
        _row(name, force.general, "", *_general_source(loaded, force, name))
        for name, limit in force.general._asdict().items()
        if not math.isinf(limit)
    ]
    for market, limits in _own(settings, force):
        stricter = tightened(force.general, limits)
        source = ("injective.markets", loaded.origins.get("injective.markets", "default"))
        rows += [_row(n, stricter, market, *source) for n in _differing(stricter, force.general)]
    emit(Document("risk-limits", rows, settings.network), risk_view.limits(settings.run.currency), common)
    return 0


def _capital(loaded: Loaded) -> Iterator[RiskLimitRow]:
    """Where some is set: it is no limit, but what they are fractions of."""
    amount = capital_of(loaded.settings)
    if amount is not None:
        yield RiskLimitRow(
            name="capital",
            market="",
            value=decimal_text(amount) or "",
            unit="account currency",
            setting=CAPITAL,
            origin=loaded.origins.get(CAPITAL, "default"),
            meaning="of the account at risk, which losses are measured by",
            code="",
        )


def _in_force(settings: Settings, address: str | None) -> LimitsInForce:
    """Of the account that is named, or is the only one; of several none is meant, but the settings."""
    try:
        account = chosen_account(settings.home, settings.network, address)
    except UsageError:
        if address is not None:
            raise
        return LimitsInForce(risk_limits(settings))
    return in_force(settings, account)


def _own(settings: Settings, force: LimitsInForce) -> Iterator[tuple[str, RiskLimits]]:
    if force.markets is None:
        for own in settings.injective.markets:
            yield own.id, limits_of_market(force.general, own)
    else:
        for key, limits in force.markets.items():
            yield key.market_id, limits


def _differing(limits: RiskLimits, other: RiskLimits) -> Sequence[str]:
    return [name for name in RiskLimits._fields if getattr(limits, name) != getattr(other, name)]


def _general_source(loaded: Loaded, force: LimitsInForce, name: str) -> tuple[str, str]:
    """The settings key, and where its value was found; a run may have been told to be stricter."""
    setting = SETTINGS.get(name, "")
    bounded = name in ("max_exposure_total", "max_trade_size")
    if bounded and getattr(force.general, name) == capital_of(loaded.settings):
        setting = CAPITAL
    if force.pid is not None and getattr(force.general, name) != getattr(risk_limits(loaded.settings), name):
        return setting, f"the run of process {force.pid}"
    return setting, loaded.origins.get(setting, "default" if setting else "built in")


def _row(name: str, limits: RiskLimits, market: str, setting: str, origin: str) -> RiskLimitRow:
    told = LIMITS[name]
    return RiskLimitRow(
        name=name,
        market=market,
        value=decimal_text(float(getattr(limits, name))) or "",
        unit=told.unit,
        setting=setting,
        origin=origin,
        meaning=told.meaning,
        code=told.code.name if told.code else "",
    )
