import os
import stat

import pytest

from defi_analytics.cli.key import COLUMNS
from defi_analytics.keys.api import Secret
from defi_analytics.keys.keystore import Keystore
from defi_analytics.keys.signer import KeySigner
from tests.cli.forms import FORMS, assert_form
from tests.cli.harness import command, process, process_environment
from tests.cli.owner import Owner
from tests.keys import sealed
from tests.keys.person import talk

WORDS = "test test test test test test test test test test test junk"
WORDS_ADDRESS = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"


@pytest.fixture
def owner(monkeypatch):
    return Owner(monkeypatch)


def piped(text):
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return str(reader)


def test_a_new_key_is_encrypted_and_only_its_address_is_printed(bare, home, owner):
    ran = bare("key", "new")
    path = home / "state" / "keys" / "agent.json"
    assert ran.code == 0
    assert ran.out.startswith("inj1")
    assert len(ran.out.splitlines()) == 1
    assert str(path) in ran.err
    assert "next: defi key grant agent" in ran.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    signer = KeySigner(Keystore(path.parent).opened("agent", Secret(sealed.PHRASE)))
    assert f"{signer.address}\n" == ran.out
    assert (len(owner.asked), owner.hardened) == (2, 1)


def test_two_new_keys_differ(bare, owner):
    assert bare("key", "new", "one", "-q").out != bare("key", "new", "two", "-q").out


def test_a_name_that_is_taken_is_refused_before_anything_is_asked(bare, home, owner):
    sealed.store(home / "state")
    for words in (["new"], ["import"]):
        ran = bare("key", *words)
        assert ran.code == 9
        assert "exists" in ran.err
    assert owner.asked == []


def test_without_anybody_to_ask_a_new_key_needs_another_source(bare, home, owner, monkeypatch):
    assert bare("key", "new", "--no-input").code == 4
    assert not (home / "state" / "keys").exists()
    assert bare("key", "new", "--no-input", "--passphrase-fd", piped("correct horse")).code == 0
    monkeypatch.setenv("DEFI_PASSPHRASE", "correct horse")
    ran = bare("key", "new", "other", "--no-input")
    assert ran.code == 0
    assert "warning: DEFI_PASSPHRASE" in ran.err
    assert "warning" not in bare("key", "new", "third", "--no-input", "--quiet").err
    assert owner.asked == []


def test_the_settings_name_the_key(bare, home, owner):
    (home / "settings.yaml").write_text("keys: {name: main}\n")
    sealed.store(home / "state", name="main")
    assert bare("key", "address").out == f"{sealed.ADDRESS}\n"
    assert bare("key", "address", "agent").code == 4


@pytest.mark.parametrize("form", FORMS)
def test_keys_are_listed_in_every_form(bare, home, form):
    sealed.store(home / "state")
    sealed.store(home / "state", b"{}", name="broken")
    assert_form(bare("key", "list", "-o", form), form, COLUMNS, 2)


def test_an_empty_list_says_what_is_next(bare):
    ran = bare("key", "list", "--json")
    assert (ran.code, ran.rows) == (0, [])
    assert "next: defi key new" in ran.err
    assert bare("key", "list", "--json", "-q").err == ""


def test_an_address_can_be_asked_for_as_a_document(bare, home):
    sealed.store(home / "state")
    (row,) = bare("key", "address", "agent", "--json").rows
    assert (row["name"], row["address"], row["problem"]) == ("agent", sealed.ADDRESS, "")


def test_a_key_others_may_read_is_refused(bare, home):
    path = sealed.store(home / "state").folder / "agent.json"
    path.chmod(0o644)
    ran = bare("key", "address")
    assert ran.code == 4
    assert "chmod 600" in ran.err
    (row,) = bare("key", "list", "--json").rows
    assert "others may read" in row["problem"]


@pytest.mark.parametrize(
    ("text", "address"),
    [(sealed.HEX, sealed.ADDRESS), (f"0x{sealed.HEX}\n", sealed.ADDRESS), (WORDS, WORDS_ADDRESS)],
)
def test_a_key_is_imported_by_typing_it_and_the_end_of_its_address(bare, owner, text, address):
    owner.answers = {"mnemonic": text, "last": address[-6:]}
    ran = bare("key", "import", "main")
    assert (ran.code, ran.out) == (0, f"{address}\n")
    assert f"the key belongs to {address}" in ran.err
    assert [question.split()[0] for question in owner.asked] == ["Private", "Type", "Passphrase", "The"]
    assert not any(part in ran.out + ran.err for part in (text.strip(), sealed.PHRASE))


def test_an_address_that_is_not_retyped_right_imports_nothing(bare, home, owner):
    owner.answers = {"mnemonic": sealed.HEX, "last": "vkecxx"}
    ran = bare("key", "import")
    assert ran.code == 4
    assert "last characters" in ran.err
    assert not (home / "state" / "keys").exists()


def test_a_key_is_imported_from_a_descriptor(bare, owner):
    words = ["key", "import", "--no-input", "--passphrase-fd", piped(sealed.PHRASE)]
    ran = bare(*words, "--from-fd", piped(f"{WORDS}\n"), "--expect-address", WORDS_ADDRESS)
    assert (ran.code, ran.out) == (0, f"{WORDS_ADDRESS}\n")
    assert owner.asked == []


def test_a_key_of_another_address_is_not_imported(bare, home, owner):
    ran = bare("key", "import", "--from-fd", piped(sealed.HEX), "--expect-address", WORDS_ADDRESS)
    assert ran.code == 4
    assert f"belongs to {sealed.ADDRESS}" in ran.err
    assert not (home / "state" / "keys").exists()


@pytest.mark.parametrize("more", [[], ["--from-fd"]])
def test_without_input_a_key_and_its_address_have_to_be_given(bare, owner, more):
    given = [*more, piped(sealed.HEX)] if more else []
    ran = bare("key", "import", "--no-input", *given)
    assert ran.code == 2
    assert ("--expect-address" if more else "--from-fd") in ran.err


@pytest.mark.parametrize(
    "text", ["", "word word word", WORDS.replace("junk", "test"), f"{sealed.HEX}0", "\udcff"]
)
def test_what_is_no_key_is_refused_without_repeating_it(bare, owner, text):
    owner.answers = {"mnemonic": text}
    ran = bare("key", "import", "--json")
    assert (ran.code, ran.error["code"]) == (4, "AUTH")
    assert len(text) < 12 or text not in ran.out + ran.err


SECRET = "7e" * 32


@pytest.mark.parametrize(
    "words",
    [
        ["key", "new", SECRET],
        ["key", "new", f"0x{SECRET}"],
        ["key", "import", SECRET],
        ["key", "import", f"0x{SECRET}"],
        ["key", "import", "main", WORDS],
        ["key", "import", "main", *WORDS.split()],
        ["key", "import", "--expect-address", f"0x{SECRET}"],
        ["key", "import", f"--expect-address={SECRET}"],
        ["key", "import", f"--key={SECRET}"],
        ["key", "import", f"-k{SECRET}"],
        ["key", "address", SECRET],
        ["key", "check", "--granter", f"0x{SECRET}"],
        ["key", "check", "--market", SECRET],
        ["key", "check", "--passphrase-fd", SECRET],
        ["key", "grant", "--expires", WORDS],
        ["key", "grant", f"--granter={WORDS}"],
        ["key", "revoke", f"0x{SECRET}"],
        ["key", "list", "--log-file", SECRET],
        ["run", f"0x{SECRET}"],
        ["run", *WORDS.split()],
        ["scan", SECRET],
        [SECRET],
    ],
    ids=lambda words: " ".join(words).replace(SECRET, "HEX").replace(WORDS, "WORDS"),
)
def test_a_key_on_the_command_line_is_refused_without_echo(bare, owner, words):
    ran = bare(*words)
    assert ran.code == 2
    assert "treat it as exposed" in ran.err
    assert not any(part in ran.out + ran.err for part in (SECRET, SECRET[:12], "junk"))
    assert owner.asked == []


@pytest.mark.parametrize("words", [["scan"], ["market", "show"], ["key", "grant", "--market"]])
def test_a_markets_id_is_still_one(bare, words):
    assert "treat it as exposed" not in bare(*words, f"0x{SECRET}", "--network", "sandbox").err


def test_at_a_real_terminal_a_key_is_imported_without_being_shown(home):
    answers = {
        "(not shown): ": WORDS,
        "last 6 characters: ": WORDS_ADDRESS[-6:],
        "Passphrase of key main, at least 8 characters: ": "correct horse",
        "The same again: ": "correct horse",
    }
    said = talk(command("key", "import", "main"), answers, process_environment(), str(home))
    assert said.code == 0
    assert WORDS_ADDRESS in said.screen
    assert not any(text in said.screen for text in (WORDS, "junk", "correct horse"))
    assert Keystore(home / "state" / "keys").opened("main", Secret("correct horse"))


def test_without_the_extra_addresses_are_told_and_a_new_key_is_one_clear_line(home):
    (home / "coincurve.py").write_text("raise ImportError\n")
    sealed.store(home / "state")
    without = {"PYTHONPATH": f"{home}{os.pathsep}{process_environment()['PYTHONPATH']}"}
    assert process("key", "address", **without).stdout == f"{sealed.ADDRESS}\n"
    ran = process("key", "new", "other", DEFI_PASSPHRASE="correct horse", **without)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "error: a signing key needs coincurve, which is not installed" in ran.stderr
    assert "defi-analytics[injective]" in ran.stderr
