"""A ledger of a few lines: balances, and messages that succeed unless they are told to fail."""

from collections import Counter
from contextlib import contextmanager
from copy import deepcopy

from defi_analytics.sandbox.ledger.failed import Failed


class FakeLedger:
    def __init__(self):
        self.owned = Counter()
        self.executed = []
        self.ended = []
        self.failing = {}
        self.failures = ()
        self.idle = True
        self.told = {}

    def kept(self):
        return deepcopy(self)

    def credit(self, address, denom, amount):
        self.owned[address, denom] += amount

    def debit(self, address, denom, amount):
        self.owned[address, denom] -= amount

    def balance(self, address, denom):
        return self.owned[address, denom]

    @contextmanager
    def atomic(self):
        before = deepcopy((self.owned, len(self.executed)))
        try:
            yield
        except BaseException:
            self.owned, kept = before
            del self.executed[kept:]
            raise

    def execute(self, message, sender, block, at_s):
        cid = message.order.order_info.cid
        self.executed.append((block, sender, cid))
        if cid in self.failing:
            raise Failed(self.failing[cid], "exchange", f"no {cid}")
        return {"order_hash": "0x" + cid.encode().hex().rjust(64, "0"), "cid": cid}

    def end_block(self, block):
        self.ended.append(block)
        return self.told.get(block)
