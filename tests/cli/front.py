"""A sandbox behind a door that answers some requests itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.sandbox.server import Request, Response, serve
from tests.cli.harness import Background

GONE = Response(404, b'{"code": 5, "message": "gone"}')
DOWN = Response(503, b"{}")


@contextmanager
def answering(
    background: Background, sandbox: Sandbox, monkeypatch: Any, answers: Mapping[str, Response]
) -> Iterator[None]:
    """`--network sandbox` means `sandbox`, save for paths that hold a key of `answers`; nothing is retried."""

    async def answer(request: Request) -> Response:
        found = (response for part, response in answers.items() if part in request.path)
        return next(found, None) or await sandbox._respond(request)

    serving = serve(answer)
    server = background.call(serving.__aenter__())
    try:
        with monkeypatch.context() as patch:
            patch.setenv("DEFI_SANDBOX__PORT", server.url.rpartition(":")[2])
            patch.setenv("DEFI_HTTP__ATTEMPTS", "1")
            yield
    finally:
        background.call(serving.__aexit__(None, None, None))
