import hashlib
import re
from collections import Counter

import pytest

from defi_analytics.domain.market import OracleFeed
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.networks import SANDBOX_CHAIN
from tests.shared_data import shared_json
from tests.venues.injective.payloads import BTC_FEED, FEED, USDT, WETH, market_id

MAINNET, TESTNET = assets_of("injective-1"), assets_of("injective-888")
HOME_DENOMS = {
    "ATOM": "transfer/channel-1/uatom",
    "KAVA": "transfer/channel-143/ukava",
    "SAGA": "transfer/channel-261/usaga",
    "SOL": "transfer/channel-183/factory/wormhole14ejqjyq8um4p3xfqj74yld5waqljf88fz25yxnma0cngspxe3les00fpjx"
    "/8sYgCzLRJC3J7qPn2bNbx6PiGcarhyx8rBhVaNnfvHCA",
    "STRD": "transfer/channel-89/ustrd",
    "TIA": "transfer/channel-152/utia",
}


@pytest.mark.parametrize("assets", [MAINNET, TESTNET])
def test_a_symbol_has_one_denomination_and_one_feed(assets):
    assert max(Counter(map(assets.symbol, assets.denoms)).values()) == 1
    assert max(Counter(assets.feeds.values()).values()) == 1
    assert all(re.fullmatch(r"[0-9a-f]{64}", feed) for feed in assets.feeds)


def test_ibc_denominations_hash_back_to_the_home_denomination():
    ibc = {MAINNET.symbol(denom): denom for denom in MAINNET.denoms if denom.startswith("ibc/")}
    hashed = {
        s: "ibc/" + hashlib.sha256(path.encode()).hexdigest().upper() for s, path in HOME_DENOMS.items()
    }
    assert ibc == hashed


def test_wrapped_tokens_are_what_they_wrap():
    assert MAINNET.spot(WETH, USDT) == ("ETH", "USDT")
    assert MAINNET.note(WETH) == "ETH on Injective is WETH bridged from Ethereum, not the native asset"


def test_only_what_is_bridged_is_noted():
    noted = {
        assets.symbol(denom) for assets in (MAINNET, TESTNET) for denom in assets.denoms if assets.note(denom)
    }
    assert {"ETH", "BTC", "SOL", "LINK"} <= noted
    assert not noted & {"INJ", "USDC", "ATOM", "KAVA", "TIA"}
    bridged = {d for d in MAINNET.denoms if d.startswith("peggy")}
    assert all("bridged from Ethereum" in MAINNET.note(denom) for denom in bridged)
    assert MAINNET.note("factory/x/FOO") == ""


def test_what_a_user_vouches_for_is_noted_no_more():
    assert MAINNET.with_extra(denoms={WETH: "ETH"}).note(WETH) == ""


def test_the_recorded_spot_list_never_contradicts_the_table():
    rows = shared_json("data/injective/mainnet_spot_market_data.json")["markets"]
    verified = [
        (row["ticker"], MAINNET.spot(row["base_denom"], row["quote_denom"]))
        for row in rows
        if all(MAINNET.spot(row["base_denom"], row["quote_denom"]))
    ]
    assert len(verified) >= 18
    for ticker, (base, quote) in verified:
        listed_base, listed_quote = ticker.strip().upper().split("/")
        assert (listed_base.removeprefix("W") if listed_base == "WETH" else listed_base) == base
        assert listed_quote == quote


def test_a_perpetual_is_what_its_feed_prices_whatever_its_ticker():
    assert MAINNET.derivative(market_id(1), FEED, USDT, 0) == ("BTC", "USDT")
    bare = OracleFeed("pyth", BTC_FEED.removeprefix("0x").upper(), FEED.quote)
    assert MAINNET.derivative(market_id(1), bare, USDT, 0) == ("BTC", "USDT")


@pytest.mark.parametrize(
    ("feed", "quote", "scale"),
    [
        (OracleFeed("Provider", FEED.base, FEED.quote), USDT, 0),
        (OracleFeed("Pyth", "0x" + "0" * 64, FEED.quote), USDT, 0),
        (OracleFeed("Pyth", FEED.base, FEED.base), USDT, 0),
        (FEED, "peggy0xunknown", 0),
        (FEED, USDT, 6),
        (OracleFeed("Pyth", FEED.quote, FEED.quote), USDT, 0),
    ],
    ids=[
        "other oracle",
        "unknown feed",
        "priced in another asset",
        "unknown quote",
        "scaled",
        "quote in quote",
    ],
)
def test_a_derivative_whose_oracle_proves_nothing_is_unverified(feed, quote, scale):
    assert MAINNET.derivative(market_id(1), feed, quote, scale) == ("", "")


def test_users_can_vouch_for_a_denomination_or_a_derivative_market():
    assert MAINNET.spot("factory/x/FOO", USDT) == ("", "")
    mine = MAINNET.with_extra(denoms={"factory/x/FOO": "FOO"}, bases={market_id(10).upper(): "TIA"})
    assert mine.spot("factory/x/FOO", USDT) == ("FOO", "USDT")
    provider = OracleFeed("Provider", "TIA", "InjectiveLabs")
    assert mine.derivative(market_id(10), provider, USDT, 0) == ("TIA", "USDT")
    assert mine.spot("inj", USDT) == ("INJ", "USDT")


def test_of_an_unknown_chain_only_its_own_coin_is_known():
    assert assets_of("injective-2").denoms == {"inj": "INJ"}
    assert assets_of(SANDBOX_CHAIN) is assets_of("injective-1"), "it lists mainnet's markets"
