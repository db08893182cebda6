"""Events of transactions, as the chain writes them.

Source: cosmos-sdk's baseapp and x/auth (plain attributes), sdk.TypedEventToEvent for the exchange module's
(each attribute the JSON of one field).
"""

import base64
from typing import Any

import msgspec

from defi_analytics.sandbox.chain.abci import Event
from defi_analytics.sandbox.chain.transaction import Transaction


def of_ante(transaction: Transaction) -> tuple[Event, ...]:
    """What is written of every transaction that paid, whatever its messages did."""
    signature = base64.b64encode(transaction.signature).decode()
    account_sequence = f"{transaction.signer}/{transaction.sequence}"
    fee = (("fee", f"{transaction.fee}inj"), ("fee_payer", transaction.signer))
    return (
        Event("tx", fee),
        Event("tx", (("acc_seq", account_sequence),)),
        Event("tx", (("signature", signature),)),
    )


def of_message(message: Any, sender: str, index: int) -> list[Event]:
    full_name = message.DESCRIPTOR.full_name
    action, module = ("action", f"/{full_name}"), ("module", full_name.split(".")[1])
    return [Event("message", (action, ("sender", sender), module, ("msg_index", str(index))))]


def typed(kind: str, fields: dict[str, Any], *more: tuple[str, str]) -> Event:
    attributes = tuple((name, msgspec.json.encode(value).decode()) for name, value in fields.items())
    return Event(kind, (*attributes, *more))
