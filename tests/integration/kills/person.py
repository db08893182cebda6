"""Who owns the account that the agent's key may trade, and buys there by hand.

It never sells: what comes and goes between two looks of the agent moves no quantity that a look compares.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.gas import MIN_GAS_PRICE
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from tests.integration.entrusted import SUBACCOUNT
from tests.integration.kills.local_chain import LocalChain
from tests.sandbox.chain.signing import GAS, INJ_USDT, Wallet

BY_HAND = "by-hand-"
"""What the client order ids of its orders begin with."""
CHANCE = 0.15
"""Of a trade in the time of one life."""
FEE_WEI = GAS * MIN_GAS_PRICE
_ONE = 10**18
_BUY = 1


@dataclass
class Person:
    chain: LocalChain
    random: Random
    sent: int = 0
    waiting: list[threading.Timer] = field(default_factory=list)

    def may_trade(self) -> None:
        """At some moment of the life that begins."""
        if self.random.random() < CHANCE:
            self.waiting.append(threading.Timer(self.random.uniform(0, 0.8), self.trade))
            self.waiting[-1].start()

    def trade(self) -> None:
        number, sequence = self.chain.account(DEV_ADDRESS)
        raw = Wallet().sign(self._order(), number=number, sequence=sequence)
        with suppress(OSError):  # faults spare nobody; a person does not look into what became of it
            self.sent += self.chain.broadcast(raw)["code"] == 0

    def leave(self) -> None:
        """After its last trade."""
        for timer in self.waiting:
            timer.join()
        self.chain.wait_blocks(2)

    def _order(self) -> Any:
        message = protobufs.new("injective.exchange.v2.MsgCreateSpotMarketOrder")
        message.sender, message.order.market_id = DEV_ADDRESS, INJ_USDT
        message.order.order_type = _BUY
        terms = message.order.order_info
        terms.subaccount_id, terms.fee_recipient = SUBACCOUNT, DEV_ADDRESS
        terms.cid = f"{BY_HAND}{self.sent}"
        terms.price, terms.quantity = str(1_000 * _ONE), str(_ONE)
        return message
