from base64 import b64decode

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.errors import ExecutionError
from defi_analytics.venues.injective.chain.messages import built
from defi_analytics.venues.injective.chain.protos import packed, protos, type_url
from defi_analytics.venues.injective.chain.signing import Bill, Unsigned, body_of, signed_bytes, tx_hash
from defi_analytics.venues.injective.chain.trader import trader
from tests.shared_data import shared_json
from tests.venues.injective.chain.kit import ADDRESS, KeySigner, an_order, spot

TESTNET_INJ_USDT = "0x0611780ba69656949525013d947713300f56c37b6175e02f26bffa495c3208fe"


def golden_body() -> bytes:
    """The golden order: post-only, 1.5 at 5.123, in the subaccount 1."""
    order = an_order(
        spot(market_id=TESTNET_INJ_USDT),
        OrderKind.POST_ONLY,
        client_order_id="defi-0001",
        expires_after_blocks=1,
    )
    (message,) = built([order], [], trader(ADDRESS, "", 1), 900)
    # The golden one was made without an expiration, which we never leave out.
    message.order.expiration_block = 0
    return body_of([message], 1000, 900)


def test_the_golden_transaction_is_reproduced_byte_for_byte():
    golden = shared_json("samples/injective/golden/signed_tx.json")
    unsigned = Unsigned(golden_body(), golden["chain_id"], golden["account_number"], golden["sequence"])
    made = signed_bytes(unsigned, Bill(golden["gas"], int(golden["fee"][0]["amount"])), KeySigner())
    assert made == b64decode(golden["tx_bytes_base64"])
    assert tx_hash(made) == golden["tx_hash"]


def test_what_is_signed_is_the_golden_document():
    golden = shared_json("samples/injective/golden/signed_tx.json")
    documents = []

    class Watching(KeySigner):
        def sign(self, document: bytes) -> bytes:
            documents.append(document)
            return super().sign(document)

    unsigned = Unsigned(golden_body(), golden["chain_id"], golden["account_number"], golden["sequence"])
    signed_bytes(unsigned, Bill(golden["gas"], int(golden["fee"][0]["amount"])), Watching())
    assert documents[0].hex() == golden["sign_doc_hex"]


@pytest.mark.parametrize(("timeout", "latest"), [(0, 1000), (1000, 1000), (999, 1000), (30, 0), (-1, 5)])
def test_a_transaction_that_never_times_out_cannot_be_made(timeout: int, latest: int):
    with pytest.raises(ExecutionError, match="timeout height"):
        body_of([], timeout, latest)


def test_a_signature_of_another_length_is_not_sent():
    class Short(KeySigner):
        def sign(self, document: bytes) -> bytes:
            return super().sign(document)[:63]

    with pytest.raises(ExecutionError, match="64 bytes"):
        signed_bytes(Unsigned(golden_body(), "injective-888", 7, 3), Bill(1, 1), Short())


def test_messages_equal_those_that_the_official_composer_makes():
    vectors = {
        one["name"]: one for one in shared_json("samples/injective/golden/messages_v2.json")["vectors"]
    }
    market, who = spot(market_id=TESTNET_INJ_USDT), trader(ADDRESS, "", 1)
    selling = {"client_order_id": "defi-0002", "ticks": 4900, "lots": 250}
    order = an_order(market, OrderKind.MARKET, side=Side.SELL, **selling)
    (message,) = built([order], [], who, 900)
    golden = vectors["spot_market_sell"]
    assert packed(message).type_url == golden["type_url"]
    assert message.SerializeToString() == b64decode(golden["protobuf_base64"])


def test_type_urls_start_with_a_slash():
    assert type_url(protos().exchange.MsgBatchUpdateOrders) == "/injective.exchange.v2.MsgBatchUpdateOrders"
