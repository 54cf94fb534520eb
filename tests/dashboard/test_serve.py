"""Listening: where, with which token, and what is printed."""

from __future__ import annotations

import pytest

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
from platometer import InputError, dashboard  # noqa: E402


@pytest.fixture
def served(monkeypatch):
    """What was announced, and what the server was given, without running it."""
    seen = {}

    def run(self, sockets):
        seen["config"] = self.config
        seen["address"] = sockets[0].getsockname()

    monkeypatch.setattr(uvicorn.Server, "run", run)
    return seen


def test_loopback_needs_no_token(run, served):
    said = []
    dashboard.serve(run, announce=said.append)
    assert said == [f"http://127.0.0.1:{served['address'][1]}/"]
    assert served["address"][0] == "127.0.0.1"
    assert not served["config"].access_log


def test_any_other_host_gets_a_token_of_its_own_behind_the_hash(run, served):
    said = []
    for _ in range(2):
        dashboard.serve(run, host="0.0.0.0", announce=said.append)
    tokens = [address.partition("/#token=")[2] for address in said]
    assert all(len(token) == 32 for token in tokens)
    assert tokens[0] != tokens[1]


def test_a_token_that_was_given_is_asked_for_on_loopback_too(run, served):
    said = []
    dashboard.serve(run, token="sixteen-letters-", announce=said.append)
    assert said[0].endswith("/#token=sixteen-letters-")


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 70000), ("203.0.113.7", 0)])
def test_a_place_that_cannot_be_listened_on_is_told(run, host, port):
    with pytest.raises(InputError, match=r"cannot be listened on|expected 0 to 65535"):
        dashboard.serve(run, host=host, port=port, token="sixteen-letters-", announce=lambda _: None)


def test_the_command_serves_a_folder(run, served, capsys, monkeypatch):
    from platometer import cli

    monkeypatch.setattr("sys.argv", ["platometer", "serve", str(run)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    assert capsys.readouterr().out.startswith("dashboard  http://127.0.0.1:")
