import json
from typing import Any

import pytest

from defi_analytics.app.fitness import NO_GRANT, require, shortcomings
from defi_analytics.errors import AuthError, NotFound, Unavailable
from tests.venues.injective.chain.kit import ADDRESS, OTHER, FakeNode, a_chain, perp, spot
from tests.venues.injective.chain.kit_grants import answer, row, trading

MARKETS = (spot(), perp())


def bank(inj: int) -> bytes:
    return json.dumps({"balances": [{"denom": "inj", "amount": str(inj)}]}).encode()


def key(grants: Any = None, inj: int = 1, **more: Any) -> Any:
    grants = answer(trading()) if grants is None else grants
    return a_chain(FakeNode(**{"authz": grants, f"balances/{ADDRESS}": bank(inj)}), **more)


async def test_a_granted_key_with_gas_may_trade() -> None:
    assert await shortcomings(key(granter=OTHER), MARKETS) == ()
    await require(key(granter=OTHER), MARKETS)


@pytest.mark.parametrize("grants", [answer(), NotFound("injective", "not found")], ids=["empty", "404"])
async def test_a_key_that_nobody_granted_anything_is_refused(grants: Any) -> None:
    with pytest.raises(AuthError, match=NO_GRANT) as error:
        await require(key(grants, granter=OTHER), MARKETS)
    assert (error.value.exit_code, "defi key check" in error.value.hint) == (4, True)


async def test_several_shortcomings_are_one_line_and_say_so() -> None:
    other = row("/cosmos.authz.v1beta1.GenericAuthorization", msg="/x.MsgY")
    assert len(await shortcomings(key(answer(other), granter=OTHER), MARKETS)) == 2
    with pytest.raises(AuthError, match=r"may send /x.MsgY .* \(and 1 more\)"):
        await require(key(answer(other), granter=OTHER), MARKETS)


async def test_a_key_of_its_own_account_needs_no_grant_but_gas() -> None:
    await require(key(Unavailable("injective", "nobody asks")), MARKETS)
    with pytest.raises(AuthError, match="no INJ to pay for gas"):
        await require(key(inj=0), MARKETS)


async def test_whether_it_may_is_not_guessed_while_the_node_is_silent() -> None:
    with pytest.raises(Unavailable):
        await require(key(Unavailable("injective", "down"), granter=OTHER), MARKETS)
