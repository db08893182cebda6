"""The table of commands: to add one, add its module and a line here."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A command: the module of this package that holds it, its panel in `--help`, one line about it."""

    module: str
    panel: str
    summary: str


COMMANDS = {
    "scan": Entry("scan", "Find", "Find mispricings on Injective's order books, after every cost."),
    "predict": Entry("predict", "Find", "Show Allora's current predictions, with age and uncertainty."),
    "market": Entry(
        "market", "Look", "List Injective's markets, show one, its order book, candles or funding."
    ),
    "venue": Entry("venue", "Look", "List the venues compared with, and whether they answer."),
    "topics": Entry("topics", "Look", "List what Allora predicts, and show one topic."),
    "run": Entry("run", "Trade", "Trade what scan finds, within limits; on paper unless told otherwise."),
    "risk": Entry("risk", "Trade", "Show what is at risk, and stop, resume or flatten trading."),
    "agent": Entry("agent", "Trade", "Show how agents are, end one, or read the log."),
    "orders": Entry("orders", "Trade", "List an account's orders, show one, or cancel."),
    "positions": Entry(
        "positions", "Trade", "Show what an account holds by its fills, and what it is worth."
    ),
    "balances": Entry("balances", "Trade", "Show what an account has, and what became of its start."),
    "fills": Entry("fills", "Trade", "List an account's fills, or export them for accounts."),
    "report": Entry("report", "Trade", "Show what an account's strategies earned, by day or by market."),
    "reconcile": Entry("reconcile", "Trade", "Hold an account's journal against the venue."),
    "state": Entry("state", "Trade", "Show, back up and verify the journals."),
    "sandbox": Entry("sandbox", "Practise", "Run a local Injective, with planted mispricings."),
    "config": Entry("config", "Set up", "Show, check and create settings."),
    "key": Entry("key", "Set up", "Make, keep and grant the key that signs."),
    "doctor": Entry(
        "doctor", "Set up", "Check this installation, the accounts traded here and every upstream they need."
    ),
    "schema": Entry("schema", "Set up", "Print the JSON Schema of a command's JSON output."),
    "explain": Entry("explain", "Set up", "Explain a code that scan or an error printed."),
    "version": Entry("version", "Set up", "Show the versions of defi and what it runs on."),
}
