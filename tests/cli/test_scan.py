import time


def test_probe(defi):
    lines = []
    for args in (
        ["scan", "INJ/USDT", "--json"],
        ["scan", "--json"],
        ["scan", "--json"],
        ["scan", "INJ/USDT", "--json"],
        ["predict", "BTC", "--json"],
        ["market", "list"],
    ):
        t = time.perf_counter()
        c = time.process_time()
        r = defi(*args)
        lines.append(
            (args, r.code, time.perf_counter() - t, time.process_time() - c, len(r.out), r.err[:300])
        )
    assert not lines, "\n".join(map(str, lines))
