from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.traded import by_ids, chosen, everywhere, left_behind, may_trade
from defi_analytics.domain.market import Market, MarketStatus
from defi_analytics.errors import Unavailable, UnknownMarket, UsageError
from defi_analytics.venues.injective.lcd import InjectiveMarketData
from tests.cli.holding import holds
from tests.integration.trading import Stage, staged

GONE = "0x" + "ab" * 32


@pytest.fixture
async def stage(tmp_path):
    async with staged(tmp_path) as stage:
        yield stage


def pause(stage: Stage, market: Market, status: str = "Paused") -> None:
    stage.sandbox.chain.ledger.standstill.put(market.market_id, status, stage.sandbox.moment().block)


async def test_a_name_means_the_verified_market_though_it_is_paused_and_a_stranger_bears_the_name(stage):
    [market] = await chosen(stage.app, ["INJ/USDT"])
    pause(stage, market)
    [paused] = await chosen(stage.app, ["INJ/USDT"])
    assert paused == replace(market, status=MarketStatus.PAUSED)
    assert await stage.app.find_market("INJ/USDT") == paused
    assert await stage.app.find_market(market.market_id[:12]) == paused
    both = await chosen(stage.app, ["inj-usdt", "INJ/USDT PERP", market.market_id])
    assert [one.ticker for one in both] == ["INJ/USDT", "INJ/USDT PERP"]
    assert market.key not in {one.key for one in await chosen(stage.app, [])}
    with pytest.raises(UnknownMarket, match="nearest: INJ/USDT"):
        await chosen(stage.app, ["INJ/USDD"])


async def test_what_is_known_is_found_by_its_id_though_no_list_has_it(stage):
    [market] = await chosen(stage.app, ["INJ/USDT"])
    gone = replace(market, market_id=GONE)
    [found] = await chosen(stage.app, [GONE], [gone])
    assert found == replace(gone, status=MarketStatus.UNKNOWN)
    with pytest.raises(UnknownMarket):
        await chosen(stage.app, [GONE])
    stage.sandbox.chain.post_only(10)
    every = await chosen(stage.app, [], [gone])
    assert {one.status for one in every} == {MarketStatus.POST_ONLY}
    assert len(every) > 4


async def test_ids_are_found_in_whatever_list_and_what_no_list_has_is_left_out(stage):
    [market] = await chosen(stage.app, ["INJ/USDT PERP"])
    gone = replace(market, market_id=GONE)
    pause(stage, market, "Expired")
    found = await by_ids(stage.app, [market.market_id, "0x" + "cd" * 32], [gone])
    assert [(one.market_id, one.status) for one in found] == [
        (market.market_id, MarketStatus.CLOSED),
        (GONE, MarketStatus.UNKNOWN),
    ]
    assert not may_trade(found[0])
    assert market.market_id in (await everywhere(stage.app)).markets


async def test_what_is_held_on_a_paused_market_belongs_to_a_run_on_all_of_them(stage, tmp_path):
    [market] = await chosen(stage.app, ["INJ/USDT"])
    account = Account("sandbox")
    holds(tmp_path, account, market, "5")
    ledger = ledger_of(tmp_path, account, stage.clock)
    assert await left_behind(stage.app, [], ledger, [market]) == []
    with pytest.raises(UsageError, match="INJ/USDT: held or ordered by an earlier run"):
        await left_behind(stage.app, [], ledger, [])
    pause(stage, market)
    told: list[str] = []
    stage.app.warn = told.append
    assert await left_behind(stage.app, [], ledger, []) == [replace(market, status=MarketStatus.PAUSED)]
    assert told == ["INJ/USDT is paused: nothing can be traded there until it is active"]
    with pytest.raises(UsageError, match="INJ/USDT: held or ordered by an earlier run"):
        await left_behind(stage.app, ["ATOM/USDT"], ledger, [])
    pause(stage, market, "Expired")
    assert await left_behind(stage.app, ["ATOM/USDT"], ledger, []) == []


async def test_less_than_a_lot_of_now_keeps_nobody_from_starting_elsewhere(stage, tmp_path):
    [market] = await chosen(stage.app, ["INJ/USDT"])
    account, finer = Account("sandbox"), replace(market, quantity_tick=Decimal("0.0001"))
    holds(tmp_path, account, finer, "0.0004")
    ledger = ledger_of(tmp_path, account, stage.clock)
    assert ledger.books.at_risk, "by the lots that it was bought in"
    assert await left_behind(stage.app, ["ATOM/USDT"], ledger, []) == []
    assert await left_behind(stage.app, [], ledger, []) == []


async def test_lists_that_fail_keep_nobody_from_starting_beside_what_is_held(stage, tmp_path, monkeypatch):
    [market] = await chosen(stage.app, ["INJ/USDT"])
    account = Account("sandbox")
    holds(tmp_path, account, market, "5")
    ledger = ledger_of(tmp_path, account, stage.clock)
    read = InjectiveMarketData._list

    async def partly(data, path, *more):
        if path.startswith("spot"):
            return Unavailable("injective", "no answer")
        return await read(data, path, *more)

    monkeypatch.setattr(InjectiveMarketData, "_list", partly)
    assert [one.key for one in await left_behind(stage.app, [], ledger, [])] == [market.key]
    assert await left_behind(stage.app, ["INJ/USDT PERP"], ledger, []) == []
