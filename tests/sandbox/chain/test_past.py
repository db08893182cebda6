from defi_analytics.sandbox.chain.past import KEPT_BLOCKS, Past


def test_it_is_told_as_it_was_at_the_end_of_a_block():
    past = Past()
    for block, ledger in ((5, "a"), (7, "b"), (7, "c"), (9, "d")):
        past.keep(block, ledger)
    assert [past.at(block) for block in range(4, 11)] == ["a", "a", "a", "c", "c", "d", "d"]


def test_what_lies_further_back_than_nodes_keep_is_forgotten():
    past = Past()
    for block in range(3 * KEPT_BLOCKS):
        past.keep(block, block)
    latest = 3 * KEPT_BLOCKS - 1
    assert past.at(latest - KEPT_BLOCKS) == latest - KEPT_BLOCKS
    assert past.at(0) == latest - KEPT_BLOCKS
