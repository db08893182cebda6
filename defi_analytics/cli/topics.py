import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.render import Column, emit, hint
from defi_analytics.cli.schemas import Meta, SourceRow, TopicRow
from defi_analytics.cli.tree import new_app
from defi_analytics.domain.prediction import Topic
from defi_analytics.errors import NotFound

if TYPE_CHECKING:
    from defi_analytics.app.parts import App
    from defi_analytics.app.topic_list import TopicList

app = new_app(help="List what Allora predicts, and show one topic.", no_args_is_help=True)

COLUMNS: Sequence[Column[TopicRow]] = (
    Column("Id", lambda r: str(r.topic_id), number=True),
    Column("Network", lambda r: r.network, spare=70),
    Column("Asset", lambda r: r.asset),
    Column("Kind", lambda r: r.kind),
    Column("Horizon s", lambda r: str(r.horizon_s), number=True),
    Column("Epoch blocks", lambda r: str(r.epoch_blocks), number=True, spare=80),
    Column("Name", lambda r: r.name, spare=100, fold=True),
    Column("Note", lambda r: "playground: no signal" if r.playground else "", spare=70),
)


@app.command("list")
@with_common
def list_topics(
    common: Common,
    asset: Annotated[
        str | None, typer.Option("--asset", metavar="ASSET", help="Only topics of this asset. [default: all]")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the network, and keep its list for later commands.")
    ] = False,
) -> int:
    r"""List the topics of the configured Allora network (allora.network).

    \b
    Examples:
      defi topics list
      defi topics list --asset BTC --refresh --json
    """
    return asyncio.run(_list(common, asset, refresh))


@app.command("show")
@with_common
def show_topic(common: Common, topic_id: Annotated[int, typer.Argument(min=1, help="Topic id.")]) -> int:
    r"""Show one topic; `defi predict --topic ID` shows its current inference.

    \b
    Example:
      defi topics show 14
    """
    return asyncio.run(_show(common, topic_id))


async def _list(common: Common, asset: str | None, refresh: bool) -> int:
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        network = session.app.settings.allora.network
        with session.working("asking Allora"):
            listed = await _topics(session.app, refresh)
        error = session.kept(lambda: _keep(session.app, listed)) if refresh else None
        topics = listed.registry.topics(network)
        rows = [topic_row(t) for t in topics if asset is None or t.asset == asset.upper()]
        if not rows:
            raise NotFound(
                "allora", f"no topic of {asset or 'any asset'} on {network}", hint="see: defi topics list"
            )
        emit(Document("topics", rows, network, meta=_meta(session.app, listed), error=error), COLUMNS, common)
        hint(common, _told(listed))
        hint(common, "Next: defi predict --topic ID   shows its current inference")
        return error.exit_code if error else 0


async def _topics(app: "App", refresh: bool) -> "TopicList":
    if not refresh:
        return app.topic_list()
    from defi_analytics.app.topic_list import TopicList
    from defi_analytics.predictors.allora.topics import Registry

    topics = await app.predictor().refresh_topics()
    return TopicList(Registry(topics), app.clock.now(), "asked just now")


def _keep(app: "App", listed: "TopicList") -> None:
    from defi_analytics.app.topic_list import keep_topics

    topics = listed.registry.topics(app.settings.allora.network)
    if topics:
        keep_topics(app.settings, listed.at, topics)


def _meta(app: "App", listed: "TopicList") -> Meta:
    age_ms = round((app.clock.now() - listed.at).total_seconds() * 1000)
    return Meta(sources=[SourceRow(name=f"topics, {listed.origin}", age_ms=age_ms)])


def _told(listed: "TopicList") -> str:
    return f"The list is of {listed.at:%Y-%m-%d %H:%M}Z ({listed.origin}); --refresh asks the network"


async def _show(common: Common, topic_id: int) -> int:
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        network = session.app.settings.allora.network
        listed = session.app.topic_list()
        found = listed.registry.get(network, topic_id)
        if found is None:
            raise NotFound("allora", f"no topic {topic_id} on {network}", hint="see: defi topics list")
        emit(
            Document("topics", [topic_row(found)], network, meta=_meta(session.app, listed)), COLUMNS, common
        )
        hint(common, _told(listed))
        hint(common, f"Next: defi predict --topic {topic_id}   shows its current inference")
        return 0


def topic_row(topic: Topic) -> TopicRow:
    return TopicRow(
        network=topic.network,
        topic_id=topic.topic_id,
        name=topic.name,
        asset=topic.asset,
        kind=topic.kind.value,
        horizon_s=topic.horizon_s,
        epoch_blocks=topic.epoch_blocks,
        playground=topic.playground,
    )
