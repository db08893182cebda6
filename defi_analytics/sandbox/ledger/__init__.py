"""The exchange module's and the bank's state: pure, deterministic and exact, with no I/O and no clock."""

from defi_analytics.sandbox.ledger.failed import Failed
from defi_analytics.sandbox.ledger.ledger import Ledger

__all__ = ["Failed", "Ledger"]
