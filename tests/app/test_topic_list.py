from dataclasses import replace
from datetime import timedelta

import pytest

from defi_analytics.app.topic_list import keep_topics, topic_list
from defi_analytics.config.settings import InjectiveSettings, Settings
from defi_analytics.predictors.allora.topics import BUNDLED_AT, bundled_registry

TOPICS = bundled_registry().topics("mainnet")[:2]


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def never(line):
    pytest.fail(line)


@pytest.mark.parametrize(("age", "used"), [(timedelta(seconds=1), True), (timedelta(0), False)])
def test_the_newer_list_is_used(settings, age, used):
    keep_topics(settings, BUNDLED_AT + age, TOPICS)
    listed = topic_list(settings, never)
    assert (listed.registry.topics("mainnet") == TOPICS) is used
    assert listed.at == BUNDLED_AT + age
    assert listed.origin.endswith("topics-mainnet.json" if used else "comes with defi")


def test_without_a_kept_list_the_bundled_one_is_used(settings):
    assert topic_list(settings, never).registry is bundled_registry()


def test_a_list_that_cannot_be_used_is_told_of(settings, tmp_path):
    (tmp_path / "topics-mainnet.json").write_text("")
    told = []
    assert topic_list(settings, told.append).registry is bundled_registry()
    (line,) = told
    assert "damaged: using the list that comes with defi" in line


def test_the_sandbox_keeps_nothing_and_reads_nothing_kept(settings, tmp_path):
    keep_topics(settings, BUNDLED_AT + timedelta(days=1), TOPICS)
    sandboxed = replace(settings, injective=InjectiveSettings(network="sandbox"))
    assert topic_list(sandboxed, never).origin == "the sandbox"
    (tmp_path / "topics-mainnet.json").unlink()
    keep_topics(sandboxed, BUNDLED_AT, TOPICS)
    assert list(tmp_path.iterdir()) == []
