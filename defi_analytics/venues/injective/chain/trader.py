from dataclasses import dataclass

from defi_analytics.venues.injective.chain.addresses import subaccount_id


@dataclass(frozen=True, slots=True)
class Trader:
    """Whose orders, and who signs for them."""

    signer: str
    """Signs, and pays the gas."""
    account: str
    """Owns orders, funds and fee rebates; the signer itself, or who granted it the right to trade."""
    subaccount_id: str

    @property
    def delegated(self) -> bool:
        return self.signer != self.account

    @property
    def pays_gas(self) -> bool:
        """Whether gas comes out of what this subaccount has: the default one's money is the bank's."""
        return not self.delegated and self.subaccount_id == subaccount_id(self.signer, 0)


def trader(signer: str, granter: str, subaccount_index: int) -> Trader:
    """Raises ConfigError for addresses that are none."""
    account = granter or signer
    subaccount_id(signer, 0)
    return Trader(signer, account, subaccount_id(account, subaccount_index))
