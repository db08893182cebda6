from dataclasses import dataclass
from decimal import Decimal

from defi_analytics.errors import ConfigError

MOST_TIMEOUT_BLOCKS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPolicy:
    """How transactions are bounded. Raises ConfigError for bounds that bound nothing."""

    timeout_blocks: int = 30
    """A transaction can be included for so many blocks after the latest: about 20 seconds."""
    gas_factor: Decimal = Decimal("1.3")
    """Of the gas that the simulation used."""
    base_fee_factor: Decimal = Decimal("1.1")
    """Of the chain's base fee, which may rise before the transaction is included."""
    min_gas_price: int = 160_000_000
    """inj-wei; the chain's own minimum. Source: injective-core, default minimum gas price."""
    max_fee: Decimal = Decimal("0.01")
    """INJ for one transaction: gas is charged whole, whatever is used."""
    exit_width: int = 10
    """Times as much for one that only reduces or cancels: what it ends may cost more than gas."""
    node_blocks: int = 100
    """Fills of so many latest blocks are read from the node, older ones from the indexer."""

    def __post_init__(self) -> None:
        if not 1 <= self.timeout_blocks <= MOST_TIMEOUT_BLOCKS:
            raise ConfigError(f"timeout_blocks must be 1 to {MOST_TIMEOUT_BLOCKS}, not {self.timeout_blocks}")
        if not (self.gas_factor >= 1 and self.base_fee_factor >= 1 and self.min_gas_price >= 1):
            raise ConfigError("gas_factor, base_fee_factor and min_gas_price must be at least 1")
        if not (self.max_fee > 0 and self.exit_width >= 1 and self.node_blocks >= 1):
            raise ConfigError("max_fee, exit_width and node_blocks must be positive")

    def fee_limit(self, *, only_ends: bool) -> Decimal:
        """INJ."""
        return self.max_fee * self.exit_width if only_ends else self.max_fee
