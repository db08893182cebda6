"""A key that everybody knows, a node of a few lines, and orders to vary."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderRequest
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.errors import DataError, Malformed, NotFound, Unavailable
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from defi_analytics.venues.injective.chain.protos import protos
from defi_analytics.venues.injective.networks import custom
from tests.builders import a_market
from tests.fakes import NOON, FakeClock

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Hardhat's first test key, published everywhere: never to hold anything."""
OTHER_KEY = "11" * 32
ADDRESS = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
SUBACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" + "0" * 24
OTHER = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"
OTHER_SUBACCOUNT = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a" + "0" * 24
USDT = "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7"
NETWORK = custom("local", "injective-888", "http://127.0.0.1:1", tm_url="http://127.0.0.1:1/tm")
ASSETS = Assets({"inj": "INJ", USDT: "USDT"})
HEIGHT = 1000
MISMATCH = "account sequence mismatch, expected 9, got 3: incorrect account sequence [x] with gas used: '0'"
SPOT_ID, PERP_ID = f"0x{1:064x}", f"0x{2:064x}"


class KeySigner:
    """The official SDK's own key, so that our signatures are compared with nobody's but its."""

    def __init__(self, key: str = KEY) -> None:
        from pyinjective.wallet import PrivateKey

        self._key = PrivateKey.from_hex(key)
        self.public = self._key.to_public_key()

    @property
    def address(self) -> str:
        return self.public.to_address().to_acc_bech32()

    @property
    def public_key(self) -> bytes:
        return bytes(self.public.to_public_key_proto().key)

    def sign(self, document: bytes) -> bytes:
        return bytes(self._key.sign(document))


def spot(**changes: Any) -> Market:
    values = {
        "market_id": SPOT_ID,
        "base_denom": "inj",
        "base_decimals": 18,
        "quote_denom": USDT,
        "quote_decimals": 6,
    }
    return a_market(**{**values, **changes})


def perp(**changes: Any) -> Market:
    values = {"market_id": PERP_ID, "kind": MarketKind.PERPETUAL, "quote_denom": USDT, "quote_decimals": 6}
    return a_market(**{**values, **changes})


def an_order(
    market: Market | None = None, kind: OrderKind = OrderKind.LIMIT, **changes: Any
) -> ApprovedOrder:
    expires = changes.pop("expires_after_blocks", 50)
    request = OrderRequest(
        client_order_id="defi-1",
        market=market or spot(),
        side=Side.BUY,
        kind=kind,
        ticks=5123,
        lots=1500,
        strategy="test",
        trigger_ticks=5200 if kind is OrderKind.STOP else 0,
    )
    return ApprovedOrder(replace(request, **changes), expires, NOON)


def a_cancel(market: Market | None = None, client_order_id: str = "defi-0", order_hash: str = "") -> Cancel:
    market = market or spot()
    return Cancel(market.key, market, client_order_id, order_hash)


def block(height: int = HEIGHT, chain_id: str = "injective-888") -> bytes:
    header = {
        "height": str(height),
        "time": f"2026-01-02T12:00:{height % 60:02d}.123456789Z",
        "chain_id": chain_id,
    }
    return json.dumps({"block_id": {}, "block": {"header": header, "data": {}}}).encode()


def account(sequence: int = 3, number: int = 7, address: str = ADDRESS) -> bytes:
    base = {"address": address, "pub_key": None, "account_number": str(number), "sequence": str(sequence)}
    return json.dumps(
        {"account": {"@type": "/injective.types.v1beta1.EthAccount", "base_account": base}}
    ).encode()


def refusal(status: int, code: int, message: str) -> DataError:
    """As the HTTP client raises it."""
    kinds = {404: NotFound, 500: Unavailable, 503: Unavailable}
    error = kinds.get(status, Malformed)("injective", f"answered {status}")
    error.status, error.answer = status, json.dumps({"code": code, "message": message}).encode()
    return error


def msg_data(*responses: Any) -> bytes:
    from defi_analytics.venues.injective.chain.protos import packed

    return protos().results.TxMsgData(msg_responses=[packed(one) for one in responses]).SerializeToString()


def simulation(gas_used: int = 150_000, *responses: Any) -> bytes:
    data = b64encode(msg_data(*responses)).decode()
    gas = {"gas_wanted": "0", "gas_used": str(gas_used)}
    return json.dumps({"gas_info": gas, "result": {"data": data, "log": "", "events": []}}).encode()


def base_fee(price: str = "160000000.000000000000000000") -> bytes:
    return json.dumps({"base_fee": {"base_fee": price}}).encode()


Answer = bytes | DataError | list[Any] | Callable[[Mapping[str, str], bytes], bytes]


class FakeNode:
    """Answers by the first key found in "METHOD url?query", ours before the usual; a list one by one."""

    def __init__(self, **answers: Answer) -> None:
        usual: dict[str, Answer] = {
            "blocks/latest": block(),
            "auth/v1beta1/accounts/": account(),
            "cur_eip_base_fee": base_fee(),
            "tx/v1beta1/simulate": simulation(),
        }
        self.answers = [*answers.items(), *usual.items()]
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    async def get(self, source: str, url: str, params: Any = None, headers: Any = None) -> bytes:
        pairs = params.items() if isinstance(params, Mapping) else params or []
        query = "&".join(f"{name}={value}" for name, value in pairs)
        return self._answer(f"GET {url}" + (f"?{query}" if query else ""), headers, b"")

    async def post(
        self, source: str, url: str, content: bytes, headers: Any = None, *, idempotent: bool = False
    ) -> bytes:
        assert not idempotent, "what is written is never repeated by the client"
        return self._answer(f"POST {url}", headers, content)

    def _answer(self, request: str, headers: Any, content: bytes) -> bytes:
        self.requests.append(request)
        self.headers.append(dict(headers or {}))
        self.bodies.append(content)
        answer = next((answer for key, answer in self.answers if key in request), None)
        assert answer is not None, f"no answer for {request}"
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(self.headers[-1], content) if callable(answer) else answer

    def sent(self, part: str) -> list[bytes]:
        return [body for request, body in zip(self.requests, self.bodies, strict=True) if part in request]


def a_chain(node: Any = None, **more: Any) -> InjectiveChain:
    signer = more.pop("signer", None) or KeySigner()
    network = more.pop("network", NETWORK)
    return InjectiveChain(node or FakeNode(), FakeClock(), network, ASSETS, signer, **more)


def tx_of(tx_bytes: bytes) -> tuple[Any, Any]:
    """Body and auth info."""
    tx = protos().tx
    raw = tx.TxRaw.FromString(tx_bytes)
    return tx.TxBody.FromString(raw.body_bytes), tx.AuthInfo.FromString(raw.auth_info_bytes)


def messages_of(tx_bytes: bytes) -> list[Any]:
    return [opened(one) for one in tx_of(tx_bytes)[0].messages]


def opened(packed: Any) -> Any:
    exchange, authz = protos().exchange, protos().authz_messages
    name = packed.type_url.rpartition(".")[2]
    return getattr(exchange if hasattr(exchange, name) else authz, name).FromString(packed.value)


def posted_tx(body: bytes) -> bytes:
    return b64decode(json.loads(body)["tx_bytes"])


async def signed(node: FakeNode, *orders: Any, **more: Any) -> SignedTransaction:
    return await a_chain(node, **more).sign(orders or [an_order()])
