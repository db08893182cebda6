import json

from defi_analytics.app.grants import grants_of
from defi_analytics.app.parts import App
from defi_analytics.config.settings import Settings
from defi_analytics.venues.injective.chain.grants import OtherGrant
from defi_analytics.venues.injective.chain.trader import trader
from defi_analytics.venues.injective.networks import custom
from tests.fakes import FakeClock, FakeHttp

KEY = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"
GRANTER = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"


def page(message, key):
    row = {"authorization": {"@type": "/cosmos.authz.v1beta1.GenericAuthorization", "msg": message}}
    return json.dumps({"grants": [row], "pagination": {"next_key": key}}).encode()


async def test_every_page_is_read_and_names_both_accounts(tmp_path):
    http = FakeHttp({"pagination.key=bmV4dA==": page("/b", None), "grants?": page("/a", "bmV4dA==")})
    app = App(
        Settings(home=tmp_path), http, FakeClock(), custom("local", "injective-1", "http://127.0.0.1:1")
    )
    found = await grants_of(app, trader(KEY, GRANTER, 0))
    assert found == (OtherGrant("/a", None), OtherGrant("/b", None))
    assert len(http.requests) == 2
    assert all(f"granter={GRANTER}&grantee={KEY}" in request for request in http.requests)
