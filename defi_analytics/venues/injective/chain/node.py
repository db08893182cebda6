"""A node of the chain: its gateway (LCD) and CometBFT's RPC.

Source: cosmos.base.tendermint.v1beta1, cosmos.auth.v1beta1, cosmos.tx.v1beta1, injective.txfees.v1beta1;
the header `x-cosmos-block-height` asks for the state after that block, and a node behind it refuses.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import NamedTuple

import msgspec

from defi_analytics.domain.text import safe
from defi_analytics.domain.transaction import Block
from defi_analytics.errors import AuthError, DataError, Malformed, NotFound
from defi_analytics.ports import HttpClient
from defi_analytics.venues.injective.blocks import parse_block
from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.injective.networks import Network
from defi_analytics.venues.wire import reading

AT_HEIGHT = "x-cosmos-block-height"
NOT_FOUND = 5
"""Source: google.rpc.Code."""
HIGHEST_GAS_PRICE = 10**15
"""inj-wei: a chain that asks for more is not believed."""


class Account(NamedTuple):
    number: int
    sequence: int
    """Of the next transaction, as far as blocks tell."""


class _Base(msgspec.Struct, gc=False):
    address: str
    account_number: str
    sequence: str


class _Account(msgspec.Struct, gc=False):
    base_account: _Base


class _AccountAnswer(msgspec.Struct, gc=False):
    account: _Account


class _Fee(msgspec.Struct, gc=False):
    base_fee: str


class _FeeAnswer(msgspec.Struct, gc=False):
    base_fee: _Fee


class _Info(msgspec.Struct, gc=False):
    network: str


class _Status(msgspec.Struct, gc=False):
    node_info: _Info


class _StatusAnswer(msgspec.Struct, gc=False):
    result: _Status


_ACCOUNT = msgspec.json.Decoder(_AccountAnswer)
_FEE = msgspec.json.Decoder(_FeeAnswer)
_STATUS = msgspec.json.Decoder(_StatusAnswer)


@dataclass(slots=True)
class Node:
    http: HttpClient
    network: Network
    _rpc_checked: bool = False

    async def block(self, height: int | None = None) -> Block:
        """The latest, or that one. Raises AuthError for a block of another chain."""
        which = "latest" if height is None else str(height)
        block = parse_block(VENUE, await self.lcd(f"cosmos/base/tendermint/v1beta1/blocks/{which}"))
        if height not in {None, block.height}:
            raise Malformed(VENUE, f"asked for block {height}, was given {block.height}")
        self._same_chain(self.network.lcd_url, block.chain_id)
        return block

    async def account(self, address: str, height: int) -> Account:
        """As of that block. Raises AuthError for one that does not exist."""
        try:
            body = await self.lcd(f"cosmos/auth/v1beta1/accounts/{address}", height=height)
        except NotFound as error:
            answer = wire.gateway_error(error.answer)
            if answer is None or answer.code != NOT_FOUND:
                raise
            raise AuthError(
                f"{address} does not exist on {self.network.chain_id} yet",
                hint="an account exists once it has received something: send it a little INJ for gas",
            ) from None
        return parse_account(VENUE, body, address)

    async def base_fee(self) -> Decimal:
        """inj-wei per gas."""
        return parse_base_fee(VENUE, await self.lcd("injective/txfees/v1beta1/cur_eip_base_fee"))

    async def simulate(self, tx_bytes: bytes) -> bytes:
        return await self._post("simulate", {"tx_bytes": b64encode(tx_bytes).decode()})

    async def send(self, tx_bytes: bytes) -> bytes:
        """Once: the client repeats no POST that is not idempotent."""
        content = {"tx_bytes": b64encode(tx_bytes).decode(), "mode": "BROADCAST_MODE_SYNC"}
        return await self._post("txs", content)

    async def exchange(
        self,
        path: str,
        height: int,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    ) -> bytes:
        return await self.lcd(f"injective/exchange/v2/{path}", params, height)

    async def lcd(
        self,
        path: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        height: int | None = None,
    ) -> bytes:
        headers = {AT_HEIGHT: str(height)} if height else None
        return await self.http.get(VENUE, f"{self.network.lcd_url}/{path}", params, headers)

    async def check_rpc(self) -> None:
        """Raises AuthError, at the first use, for an RPC of another chain: its block results do not tell."""
        if self._rpc_checked:
            return
        body = await self.http.get(VENUE, f"{self.network.tm_url}/status")
        with reading(VENUE, "status"):
            chain_id = _STATUS.decode(body).result.node_info.network
        self._same_chain(self.network.tm_url, chain_id)
        self._rpc_checked = True

    async def block_results(self, height: int) -> bytes:
        return await self.http.get(VENUE, f"{self.network.tm_url}/block_results", {"height": str(height)})

    def _same_chain(self, url: str, chain_id: str) -> None:
        if chain_id != self.network.chain_id:
            raise AuthError(
                f"{url} is a node of {safe(chain_id, 64)}, not of {self.network.chain_id}",
                hint="check injective.network and the addresses in the settings: nothing was signed",
            )

    async def _post(self, path: str, content: Mapping[str, str]) -> bytes:
        url = f"{self.network.lcd_url}/cosmos/tx/v1beta1/{path}"
        return await self.http.post(VENUE, url, msgspec.json.encode(content))


def parse_account(source: str, body: bytes, address: str) -> Account:
    with reading(source, "account"):
        base = _ACCOUNT.decode(body).account.base_account
        if base.address != address:
            raise ValueError("another account than was asked for")
        return Account(wire.integer(base.account_number), wire.integer(base.sequence))


def parse_base_fee(source: str, body: bytes) -> Decimal:
    with reading(source, "base fee"):
        fee = wire.dec(_FEE.decode(body).base_fee.base_fee)
        if not 0 <= fee <= HIGHEST_GAS_PRICE:
            raise ValueError("a gas price that is none")
        return fee


def is_absent(error: DataError) -> bool:
    """Whether the gateway itself says that it has no such thing: a 404 alone may be a proxy's."""
    answer = wire.gateway_error(error.answer)
    return isinstance(error, NotFound) and answer is not None and answer.code == NOT_FOUND


def ceiling(number: Decimal) -> int:
    with localcontext(prec=60):
        return int(number.to_integral_value(ROUND_CEILING))
