from defi_analytics.sandbox.chain.accounts import Account, Accounts


def test_numbers_count_up_and_an_account_keeps_its_own():
    accounts = Accounts()
    assert accounts.get("a") is None
    assert [accounts.ensure(name).number for name in ("a", "b", "a")] == [7, 8, 7]
    assert [one.address for one in accounts.all()] == ["a", "b"]


def test_the_sequence_to_sign_with_counts_what_waits():
    accounts = Accounts()
    account = accounts.ensure("a")
    account.use(1)
    accounts.accept("a", 5)
    accounts.accept("a", 6)
    assert (accounts.checked_sequence(account), accounts.pending_fees("a")) == (3, 11)
    accounts.forget_pending()
    assert (accounts.checked_sequence(account), accounts.pending_fees("a")) == (1, 0)


def test_a_sequence_can_be_read_as_it_was_a_block_ago():
    account = Account("a", 7)
    account.use(3)
    account.use(3)
    assert [account.sequence_at(block) for block in (2, 3, 4)] == [0, 2, 2]
    account.use(9)
    assert [account.sequence_at(block) for block in (8, 9)] == [2, 3]
