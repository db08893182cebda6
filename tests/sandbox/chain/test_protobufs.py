import subprocess
import sys

import pytest

from defi_analytics.sandbox.chain import protobufs
from tests.sandbox.chain.signing import needs_sdk

pytestmark = needs_sdk
SCRIPT = """
import sys
from defi_analytics.sandbox.chain import protobufs
message = protobufs.new("injective.exchange.v2.MsgCreateSpotMarketOrder")
assert "web3" not in sys.modules and "grpc" not in sys.modules and "pyinjective" not in sys.modules
import warnings
warnings.simplefilter("ignore")
from pyinjective import PrivateKey
from pyinjective.proto.injective.exchange.v2 import tx_pb2
assert type(message) is tx_pb2.MsgCreateSpotMarketOrder
"""


def test_the_types_come_without_the_rest_of_the_sdk_which_can_still_be_imported_later():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_sdk_that_is_there_already_is_used_as_it_is():
    script = """
import sys, warnings
warnings.simplefilter("ignore")
import pyinjective
from defi_analytics.sandbox.chain import protobufs
protobufs.load()
assert sys.modules["pyinjective"] is pyinjective
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_type_nobody_knows_is_a_key_error_and_broken_bytes_a_value_error():
    with pytest.raises(KeyError):
        protobufs.new("injective.exchange.v2.MsgInvented")
    with pytest.raises(ValueError, match=r".+"):
        protobufs.parsed("cosmos.tx.v1beta1.TxRaw", b"\xff")


def test_services_are_found_by_their_names():
    service = protobufs.service("injective.stream.v2.Stream")
    assert "StreamV2" in service.methods_by_name
    assert protobufs.available()
