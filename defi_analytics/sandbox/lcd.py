"""Injective's chain over REST."""

from defi_analytics.sandbox import exchange, node, oracle
from defi_analytics.sandbox.chain import routes as chain
from defi_analytics.sandbox.chain import tendermint
from defi_analytics.sandbox.gateway import answered
from defi_analytics.sandbox.ledger import order_counts
from defi_analytics.sandbox.ledger import routes as ledger
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request, Response


def respond(request: Request, moment: Moment) -> Response:
    return answered(_ROUTES, request, moment)


_ROUTES = (
    *exchange.ROUTES,
    *oracle.ROUTES,
    *node.ROUTES,
    *chain.ROUTES,
    *tendermint.ROUTES,
    *ledger.ROUTES,
    *order_counts.ROUTES,
)
