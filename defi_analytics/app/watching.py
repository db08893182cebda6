"""What a run tells the world while it goes on: a status file, and metrics that a scraper reads."""

import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from defi_analytics.app.accounts import Account
from defi_analytics.engine.agent import Agent, Cycle
from defi_analytics.errors import WrongState
from defi_analytics.health import Health
from defi_analytics.risk.losses import RiskState, day_loss, drawdown
from defi_analytics.storage.published import Metric, exposition, publish


@dataclass(slots=True)
class Watch:
    """Publishes after each cycle. `warn` is told what a person should know of this process."""

    agent: Agent
    account: Account
    health: Health
    status_files: tuple[Path, ...]
    """Of the account, where other commands look; and wherever a person asked for it besides."""
    metrics_file: Path | None
    warn: Callable[[str], None]
    started: datetime
    _errors: int = 0
    _last: dict[str, Any] = field(default_factory=dict)
    _unwritten: set[Path] = field(default_factory=set)
    """Files that could not be written at the last try."""

    def cycle(self, cycle: Cycle) -> None:
        self._errors = self._errors + 1 if cycle.error else 0
        for warning in self.health.cycle(cycle.took_s):
            self.warn(warning)
        self._last = {"number": cycle.number, "took_s": round(cycle.took_s, 3), "error": cycle.error}
        self.told("running")

    def told(self, state: str) -> None:
        """As `write`, but a file that cannot be written is told of once: what trades goes on without it."""
        for path, text in self._files(state):
            try:
                publish(path, text)
            except WrongState as error:
                if path not in self._unwritten:
                    self.warn(f"{error.message}; the run goes on without it")
                self._unwritten.add(path)
            else:
                self._unwritten.discard(path)

    def write(self, state: str) -> None:
        """Raises WrongState when a file cannot be written."""
        for path, text in self._files(state):
            publish(path, text)

    def _files(self, state: str) -> Iterator[tuple[Path, str]]:
        said = json.dumps(self.status(state), indent=2) + "\n"
        for path in self.status_files:
            yield path, said
        if self.metrics_file is not None:
            yield self.metrics_file, exposition(self.metrics())

    def status(self, state: str) -> dict[str, Any]:
        """Amounts of the account in its currency; numbers that are not known are null."""
        risk, books = self.agent.ledger.risk, self.agent.ledger.books
        reading = self.health.read()
        return {
            "schema": "defi.agent/1",
            "state": state,
            "pid": os.getpid(),
            "network": self.account.network,
            "account": self.account.address,
            "execution": "live" if self.account.live else "paper",
            "started_at": _time(self.started),
            "written_at": _time(self.agent.clock.now()),
            "strategies": [strategy.name for strategy, _ in self.agent.terms.strategies],
            "markets": list(self.agent.tickers.values()),
            "cycle": self._last,
            "errors_in_a_row": self._errors,
            "rejected_in_a_row": self.agent.rejected,
            "rejected_because": self.agent.rejected_because if self.agent.rejected else "",
            "trading": risk.trading.name.lower(),
            "halted_because": risk.reason,
            "equity": _number(risk.equity),
            "currency": self.agent.terms.currency,
            "drawdown": _number(drawdown(risk)),
            "day_loss": _number(day_loss(risk)),
            "trades_today": risk.trades_today,
            "live_orders": len(books.live),
            "unresolved_transactions": len(books.unresolved),
            "positions": {
                f"{key.market_id}": f"{held.quantity:f}" for key, held in books.net.items() if held.quantity
            },
            "process": {
                "rss_bytes": reading.rss_bytes,
                "open_files": reading.open_files,
                "threads": reading.threads,
                "cycles": reading.cycles,
                "usual_cycle_s": None if reading.usual_cycle_s is None else round(reading.usual_cycle_s, 3),
            },
        }

    def metrics(self) -> list[Metric]:
        labels = {"network": self.account.network, "account": self.account.address}
        risk, books, reading = self.agent.ledger.risk, self.agent.ledger.books, self.health.read()
        told = [
            _metric("defi_cycles_total", "counter", "Cycles since the start.", reading.cycles),
            _metric("defi_cycle_seconds", "gauge", "Duration of the last cycle.", reading.last_cycle_s),
            _metric(
                "defi_written_timestamp_seconds",
                "gauge",
                "When this was written, since 1970: old once the agent has died.",
                self.agent.clock.now().timestamp(),
            ),
            _metric(
                "defi_errors_in_a_row",
                "gauge",
                "Cycles that failed since the last that did not.",
                self._errors,
            ),
            _metric(
                "defi_rejected_in_a_row",
                "gauge",
                "Orders refused before they were sent, since the last that was not.",
                self.agent.rejected,
            ),
            _metric("defi_halted", "gauge", "1 while trading is halted.", int(risk.trading.name == "HALTED")),
            _metric("defi_equity", "gauge", "Account currency.", _number(risk.equity)),
            _metric(
                "defi_drawdown_ratio", "gauge", "Share of peak equity that is lost.", _number(drawdown(risk))
            ),
            _metric(
                "defi_day_loss_ratio", "gauge", "Share of the day's first equity lost at worst.", _loss(risk)
            ),
            _metric("defi_trades_today", "gauge", "Entries of this UTC day.", risk.trades_today),
            _metric(
                "defi_live_orders", "gauge", "Orders of which something may still happen.", len(books.live)
            ),
            _metric("defi_unresolved", "gauge", "Transactions without proof.", len(books.unresolved)),
            _metric(
                "defi_gas_paid_inj_total",
                "counter",
                "INJ paid for gas by this journal.",
                float(books.gas_paid),
            ),
            _metric("process_resident_memory_bytes", "gauge", "Memory in use.", reading.rss_bytes),
        ]
        return [metric.labelled(labels) for metric in told]


def _metric(name: str, kind: str, told: str, value: float | None) -> Metric:
    metric = Metric(name, kind, told)
    if value is not None:
        metric.add(value)
    return metric


def _loss(risk: RiskState) -> float | None:
    return _number(day_loss(risk))


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
