import json
from dataclasses import replace

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.trading import RunRequest, opened_agent, paper_trader
from defi_analytics.app.watching import Watch
from defi_analytics.engine.agent import Cycle
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import WrongState
from defi_analytics.health import Health
from tests.integration.trading import staged


@pytest.fixture
async def watch(tmp_path):
    async with (
        staged(tmp_path) as stage,
        opened_agent(
            stage.app, paper_trader(stage.app), RunRequest(markets=("INJ/USDT",)), Policy(1.0, cycles=1)
        ) as agent,
    ):
        yield Watch(
            agent,
            Account("sandbox"),
            Health(10**12),
            (tmp_path / "status.json", tmp_path / "asked.json"),
            tmp_path / "run.prom",
            warn=lambda line: None,
            started=stage.clock.now(),
        )


def status(watch):
    own, asked = (path.read_text() for path in watch.status_files)
    assert own == asked
    return json.loads(own)


async def test_after_a_round_a_file_says_how_it_goes(watch):
    watch.agent.watch = watch.cycle
    await watch.agent.run()
    told = status(watch)
    assert (told["state"], told["execution"], told["trading"]) == ("running", "paper", "active")
    assert told["equity"] == pytest.approx(1000, abs=1)
    assert told["cycle"]["number"] == 1


async def test_before_the_first_round_what_is_not_known_is_null(watch):
    watch.write("starting")
    assert (status(watch)["equity"], status(watch)["cycle"]) == (None, {})
    assert "defi_equity" not in watch.metrics_file.read_text()


async def test_failures_are_counted_until_a_round_succeeds(watch):
    for number, error in enumerate(["down", "down", ""], 1):
        watch.cycle(Cycle(number, None, 0.1, error))
        assert status(watch)["errors_in_a_row"] == (number if error else 0)


async def test_orders_that_are_refused_are_counted_with_their_reason(watch):
    watch.agent.rejected, watch.agent.rejected_because = 3, "the grant has expired"
    watch.write("running")
    assert (status(watch)["rejected_in_a_row"], status(watch)["rejected_because"]) == (
        3,
        "the grant has expired",
    )
    assert "defi_rejected_in_a_row{" in watch.metrics_file.read_text()


async def test_a_scraper_finds_every_figure_with_its_network_and_account(watch):
    watch.write("running")
    lines = watch.metrics_file.read_text().splitlines()
    figures = [line for line in lines if line and not line.startswith("#")]
    assert len(figures) >= 8
    assert all('network="sandbox"' in line and 'account="paper"' in line for line in figures)


async def test_without_a_metrics_file_only_the_status_is_written(watch, tmp_path):
    watch.metrics_file = None
    watch.write("ended")
    assert status(watch)["state"] == "ended"
    assert not (tmp_path / "run.prom").exists()


@pytest.mark.parametrize("which", ["status_files", "metrics_file"])
async def test_a_file_that_cannot_be_written_any_more_is_told_of_once_and_ends_nothing(
    watch, tmp_path, which
):
    warned = []
    watch.warn = warned.append
    folder = tmp_path / "gone"
    folder.touch()
    setattr(watch, which, (folder / "file",) if which == "status_files" else folder / "file")
    with pytest.raises(WrongState):
        watch.write("starting")
    watch.agent.watch = watch.cycle
    watch.agent.policy = replace(watch.agent.policy, cycles=2, interval_s=0.05)
    await watch.agent.run()
    assert watch.agent.cycles == 2
    assert len(warned) == 1
    assert "cannot be written" in warned[0]
    folder.unlink()
    watch.told("ended")
    folder.rename(tmp_path / "aside")
    folder.touch()
    watch.told("ended")
    assert len(warned) == 2
