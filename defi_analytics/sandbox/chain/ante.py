"""What every transaction must pass before its messages run, in the order the chain looks at it.

Source: injective-core's ante handler (fees, timeout, memo, size, payer, key, sequence, signature) and
cosmos-sdk's x/auth/ante, whose codes and texts these are.
"""

from typing import NamedTuple

from defi_analytics.sandbox.chain import crypto
from defi_analytics.sandbox.chain.accounts import Account
from defi_analytics.sandbox.chain.gas import MIN_GAS_PRICE, ante_gas
from defi_analytics.sandbox.chain.transaction import Transaction
from defi_analytics.sandbox.ledger.failed import Failed, Sdk, failure

MAX_TX_BYTES = 1 << 20
_MAX_MEMO = 256


class Context(NamedTuple):
    chain_id: str
    height: int
    """The block it would run in, or for CheckTx the last one that was made."""
    account: Account | None
    """The signer's."""
    sequence: int
    """That it must carry here."""
    spendable: int
    """The signer's INJ, in its smallest unit."""
    simulate: bool = False
    gas_price: int = MIN_GAS_PRICE
    """In the smallest unit of INJ."""


def check(transaction: Transaction, context: Context) -> Account:
    """The account that pays and signs. Raises Failed."""
    _check_limits(transaction, context)
    account = _payer(transaction, context)
    public_key = _key(transaction, account)
    if transaction.sequence != context.sequence:
        raise mismatch(context.sequence, transaction.sequence)
    if not context.simulate:
        _check_signature(transaction, context, account, public_key)
    return account


def mismatch(expected: int, got: int) -> Failed:
    detail = f"account sequence mismatch, expected {expected}, got {got}"
    return failure(Sdk.WRONG_SEQUENCE, detail)


def _check_limits(transaction: Transaction, context: Context) -> None:
    required = transaction.gas_limit * context.gas_price
    if not context.simulate and transaction.fee < required:
        detail = f"insufficient fees; got: {transaction.fee}inj required: {required}inj"
        raise failure(Sdk.INSUFFICIENT_FEE, detail)
    if transaction.timeout_height and context.height > transaction.timeout_height:
        detail = f"block height: {context.height}, timeout height: {transaction.timeout_height}"
        raise failure(Sdk.TIMEOUT_HEIGHT, detail)
    if len(transaction.memo) > _MAX_MEMO:
        detail = (
            f"maximum number of characters is {_MAX_MEMO} but received {len(transaction.memo)} characters"
        )
        raise failure(Sdk.MEMO_TOO_LARGE, detail)
    used = ante_gas(transaction)
    if not context.simulate and transaction.gas_limit < used:
        raise out_of_gas("txSize", transaction.gas_limit, used)


def out_of_gas(location: str, wanted: int, used: int) -> Failed:
    detail = f"out of gas in location: {location}; gasWanted: {wanted}, gasUsed: {used}"
    return failure(Sdk.OUT_OF_GAS, detail)


def _payer(transaction: Transaction, context: Context) -> Account:
    if context.account is None:
        detail = f"fee payer address: {transaction.signer} does not exist"
        raise failure(Sdk.UNKNOWN_ADDRESS, detail)
    if transaction.fee > context.spendable:
        detail = f"spendable balance {context.spendable}inj is smaller than {transaction.fee}inj"
        raise failure(Sdk.INSUFFICIENT_FUNDS, detail)
    return context.account


def _key(transaction: Transaction, account: Account) -> bytes:
    """The key to verify with: the account's own once it is known."""
    key = transaction.public_key or account.public_key
    if not key:
        raise failure(Sdk.INVALID_PUBKEY, "pubkey on account is not set")
    try:
        owner = crypto.address_of(key)
    except ValueError as error:
        raise failure(Sdk.INVALID_PUBKEY, str(error)) from error
    if owner != transaction.signer:
        detail = f"pubKey does not match signer address {transaction.signer} with signer index: 0"
        raise failure(Sdk.INVALID_PUBKEY, detail)
    return key


def _check_signature(transaction: Transaction, context: Context, account: Account, public_key: bytes) -> None:
    document = transaction.document(context.chain_id, account.number)
    if not crypto.is_signature(public_key, document, transaction.signature):
        raise failure(
            Sdk.UNAUTHORIZED,
            f"signature verification failed; please verify account number ({account.number})"
            f" and chain-id ({context.chain_id}): (unable to verify single signer signature)",
        )
