"""The way to real orders: who may sign for which account on which network."""

from defi_analytics.app.parts import App
from defi_analytics.app.trading import Trader
from defi_analytics.errors import AuthError


async def live_trader(app: App, confirmed: str) -> Trader:
    """Raises AuthError without a key that may trade there."""
    raise AuthError("there is no key to sign with", hint="see: defi key new")
