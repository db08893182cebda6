"""Injective as a chain that executes signed transactions: the only place that writes to it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from defi_analytics.domain.market import Market
from defi_analytics.domain.order import ApprovedOrder, Cancel, Fill
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.transaction import Block, SignedTransaction, Submission, TransactionResult
from defi_analytics.errors import AuthError, DataError, ExecutionError, Malformed, NotFound
from defi_analytics.ports import Clock, HttpClient, Signer
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.chain import faithful, grants
from defi_analytics.venues.injective.chain.account import Holdings
from defi_analytics.venues.injective.chain.contents import holds
from defi_analytics.venues.injective.chain.gas import inj, usual
from defi_analytics.venues.injective.chain.history import History
from defi_analytics.venues.injective.chain.messages import built, expiration
from defi_analytics.venues.injective.chain.node import Node, is_absent
from defi_analytics.venues.injective.chain.outcome import parse_outcome
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.chain.preparing import Draft, Preparing
from defi_analytics.venues.injective.chain.signing import body_of, tx_hash
from defi_analytics.venues.injective.chain.submission import parse_submission, unanswered
from defi_analytics.venues.injective.chain.trader import Trader, trader
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.injective.networks import Network

MOST_PAGES = 20


@dataclass(slots=True)
class InjectiveChain:
    """One subaccount, traded by the signer's own account or by a key that `granter` allowed to.

    With a granter every order is its, in its subaccount, and the signer only signs and pays gas. A read
    names the highest block this object has seen, so a node behind the load balancer that lags refuses to
    answer instead of answering from the past: that is a DataError, and worth asking again.
    """

    http: HttpClient
    clock: Clock
    network: Network
    assets: Assets
    signer: Signer
    granter: str = ""
    subaccount_index: int = 0
    policy: ChainPolicy = field(default_factory=ChainPolicy)
    expected: Callable[[], Collection[str]] = tuple
    """Ids of derivative markets in which the account should have a position: see `Holdings.expected`."""
    trader: Trader = field(init=False)
    _node: Node = field(init=False, repr=False)
    _preparing: Preparing = field(init=False, repr=False)
    _latest: Block | None = field(default=None, init=False, repr=False)
    """The highest seen."""

    def __post_init__(self) -> None:
        self.trader = trader(self.signer.address, self.granter, self.subaccount_index)
        self._node = Node(self.http, self.network)
        self._preparing = Preparing(self._node, self.signer, self.policy)

    @property
    def account(self) -> str:
        return self.trader.account

    async def block(self) -> Block:
        """The latest of all that were seen: a node that lags does not turn time back.

        The chain id is compared every time. Raises AuthError, naming both, where it is another's.
        """
        block = await self._node.block()
        if self._latest is None or block.height > self._latest.height:
            self._latest = block
        return self._latest

    async def sign(
        self,
        orders: Sequence[ApprovedOrder],
        cancels: Sequence[Cancel] = (),
        *,
        sequence: int | None = None,
    ) -> SignedTransaction:
        """As the port has it; `sequence` only where earlier transactions of this key wait for a block.

        One order, or the legs of one group, fail the transaction when they fail; several that are
        independent go as a batch, whose transaction succeeds though orders of it fail: `find` tells which.
        What only reduces or cancels may cost `policy.exit_width` times as much as what enters.
        """
        block = await self.block()
        timeout = block.height + self.policy.timeout_blocks
        body = body_of(built(orders, cancels, self.trader, block.height), timeout, block.height)
        faithful.check(body, orders, cancels, self.trader, block.height)
        gas = usual(orders, cancels, delegated=self.trader.delegated)
        ends = all(order.request.reduce_only for order in orders)
        prepared = await self._preparing.signed(Draft(body, block.height, gas, sequence, only_ends=ends))
        return SignedTransaction(
            tx_hash=tx_hash(prepared.tx_bytes),
            tx_bytes=prepared.tx_bytes,
            account=self.trader.account,
            sequence=prepared.sequence,
            timeout_height=timeout,
            client_order_ids=tuple(order.request.client_order_id for order in orders),
            gas=prepared.bill.gas,
            fee=inj(prepared.bill.fee),
            signed_at=self.clock.now(),
            expiry_height=max((expiration(order, block.height) for order in orders), default=0),
            height=block.height,
        )

    async def broadcast(self, transaction: SignedTransaction) -> Submission:
        """Once. UNKNOWN for whatever is no answer about this transaction.

        REJECTED has codespace "local" where the request provably never left this machine.

        Raises ExecutionError only for a transaction that must never be sent: one that is not its own hash,
        or would never time out.
        """
        if tx_hash(transaction.tx_bytes) != transaction.tx_hash or transaction.timeout_height < 1:
            raise ExecutionError("not a transaction that was signed here: nothing was sent")
        try:
            body = await self._node.send(transaction.tx_bytes)
        except (DataError, AuthError) as error:
            return unanswered(error)
        return parse_submission(body, transaction.tx_hash)

    async def find(self, tx_hash: str) -> TransactionResult | None:
        """None only where the gateway itself says that it has no such transaction (404, code 5).

        It is asked as of the highest block seen here, so a node that lags behind that has no say. Nodes
        index a block's transactions shortly after making it: look once more, a block or two later, before
        taking the absence as proof. Raises DataError for anything else.
        """
        seen = self._latest or await self.block()
        try:
            body = await self._node.lcd(f"cosmos/tx/v1beta1/txs/{tx_hash}", height=seen.height)
        except NotFound as error:
            if is_absent(error):
                return None
            raise
        return parse_outcome(VENUE, body, tx_hash)

    async def next_sequence(self) -> int:
        """Of the signing key's account, as of the highest block seen: a node behind it has no say."""
        seen = self._latest or await self.block()
        return (await self._node.account(self.signer.address, seen.height)).sequence

    async def holds(self, tx_hash: str, first_height: int, last_height: int) -> bool:
        return await holds(self._node, tx_hash, first_height, last_height)

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        """As of the latest block (see `Holdings.read`), in the denominations of these markets and INJ.

        Of the default subaccount the bank's balances count, of any other only its deposits.
        """
        block = await self.block()
        expected = frozenset(self.expected())
        return await Holdings(self._node, self.trader, self.assets, expected).read(block, markets)

    async def fills(self, markets: Sequence[Market], first_height: int, last_height: int) -> Sequence[Fill]:
        """Of the node's block results, and of the indexer for what lies further back.

        The node is read block by block for the last `policy.node_blocks` of the chain, the indexer's trades
        for what is before them, where it proves not to be behind; both give the same fills with the same ids.
        """
        latest = max(last_height, self._latest.height if self._latest else 0)
        history = History(self._node, self.trader, latest - self.policy.node_blocks + 1)
        return await history.read(markets, first_height, last_height)

    async def grants(self) -> tuple[grants.Grant, ...]:
        """Everything the account allows the key to do."""
        found: tuple[grants.Grant, ...] = ()
        key = ""
        for _ in range(MOST_PAGES):
            params = {"granter": self.trader.account, "grantee": self.trader.signer}
            page = {"pagination.key": key} if key else {}
            body = await self._node.lcd("cosmos/authz/v1beta1/grants", params | page)
            some, key = grants.parse_grants(VENUE, body)
            found += some
            if not key:
                return found
        raise Malformed(VENUE, "grants without an end")

    async def shortcomings(self, markets: Sequence[Market]) -> tuple[str, ...]:
        """Why the key should not trade these markets for the account; nothing when the grant fits."""
        if not self.trader.delegated:
            return ("the key trades its own account: whoever has it can withdraw everything",)
        return grants.shortcomings(await self.grants(), self.trader, markets, self.clock.now())

    async def gas_balance(self) -> Decimal:
        """INJ that the signing key itself has for gas."""
        block = await self.block()
        return await Holdings(self._node, self.trader, self.assets).gas(block.height)
