import json
import signal
import socket
import subprocess

import httpx
import pytest

from tests.cli.harness import command, process_environment


def test_its_first_line_says_where_everything_is_and_it_stops_when_told(bare):
    ran = bare("sandbox", "--port", "0", "--seed", "7", "--hold", "--duration", "0.1")
    assert ran.code == 0
    (line,) = ran.out.splitlines()
    told = json.loads(line)
    assert told["seed"] == 7
    assert {"lcd", "indexer", "chart", "hyperliquid", "binance", "allora"} <= told["endpoints"].keys()
    assert all(url.startswith("http://127.0.0.1:") for url in told["endpoints"].values())
    assert "Ctrl-C" in ran.err


def test_quiet_says_only_where(bare):
    assert bare("sandbox", "--port", "0", "--duration", "0.1", "-q").err == ""


def test_a_taken_port_is_a_wrong_state(bare):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        ran = bare("sandbox", "--port", str(held.getsockname()[1]), "--duration", "0.1")
    assert ran.code == 9
    assert "choose another port" in ran.err


def test_a_folder_that_is_no_recording_is_refused(bare, home):
    ran = bare("sandbox", "--port", "0", "--replay", str(home), "--duration", "0.1")
    assert ran.code == 3
    assert "index.json" in ran.err


def test_settings_choose_its_port_and_seed(bare, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("DEFI_SANDBOX__PORT", str(port))
    monkeypatch.setenv("DEFI_SANDBOX__SEED", "9")
    told = json.loads(bare("sandbox", "--duration", "0.1").out)
    assert (told["url"], told["seed"]) == (f"http://127.0.0.1:{port}", 9)


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--port", "65536"], ["--duration", "0"]])
def test_what_makes_no_sense_is_refused(bare, option):
    assert bare("sandbox", *option).code == 2


def test_an_index_that_names_what_is_not_there_is_refused_with_each_fault(bare, home):
    (home / "index.json").write_text('{"GET /a": "absent.json", "nonsense": "index.json"}')
    ran = bare("sandbox", "--port", "0", "--replay", str(home), "--duration", "0.1", "--json")
    assert (ran.code, ran.error["code"], len(ran.error["violations"])) == (3, "CONFIG_INVALID", 2)


def test_grpc_gets_a_port_of_its_own(bare):
    pytest.importorskip("pyinjective")
    told = json.loads(bare("sandbox", "--port", "0", "--grpc", "--duration", "0.1").out)
    host, _, port = told["endpoints"]["grpc"].rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


def test_it_serves_a_recording_until_ctrl_c(home):
    (home / "index.json").write_text('{"GET /a": "a.json"}')
    (home / "a.json").write_text('{"recorded": true}')
    with subprocess.Popen(
        command("sandbox", "--port", "0", "--replay", str(home)),
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        url = json.loads(running.stdout.readline())["url"]
        assert httpx.get(f"{url}/a").json() == {"recorded": True}
        assert httpx.get(f"{url}/b").status_code == 404
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, "")
    assert err.endswith("defi: interrupted\n")
    assert "Traceback" not in err


def test_faults_are_told_by_name_and_a_wrong_one_is_refused_with_the_right_ones(bare):
    assert (
        bare("sandbox", "--port", "0", "--fault", "halt=1", "--block-time", "0.1", "--duration", "0.1").code
        == 0
    )
    ran = bare("sandbox", "--port", "0", "--fault", "typhoon", "--duration", "0.1")
    assert ran.code == 2
    assert "drop_after" in ran.err
