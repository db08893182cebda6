"""Injective's chain over REST."""

from defi_analytics.sandbox import exchange, node, oracle
from defi_analytics.sandbox.gateway import answered
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request, Response


def respond(request: Request, moment: Moment) -> Response:
    return answered((*exchange.ROUTES, *oracle.ROUTES, *node.ROUTES), request, moment)
