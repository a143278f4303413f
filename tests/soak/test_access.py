"""Test that other machines and clients without the password are refused."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.ui.server import address_of, bind, read_auth


def test_a_public_host_without_a_password_is_refused() -> None:
    with pytest.raises(SettingsError, match="no password is set"):
        bind("0.0.0.0", 0, None, allow_public=False)
    for host, auth in (("0.0.0.0", ("a", "b")), ("127.0.0.1", None)):
        bind(host, 0, auth, allow_public=False).close()


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],
)
def test_the_reported_address_is_a_loopback_address_of_this_machine(host: str, address: str) -> None:
    with bind(host, 0, None, allow_public=True) as bound:
        assert address_of(bound) == f"http://{address}:{bound.getsockname()[1]}"


def test_a_port_in_use_is_named_in_the_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port} cannot be used"):
            bind("127.0.0.1", port, None, allow_public=False)


@pytest.mark.parametrize("text", ["nobody", "me:", ":secret"])
def test_a_rag_auth_without_a_name_and_a_password_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RAG_AUTH", text)
    with pytest.raises(SettingsError, match=r"^The password has the wrong form; expected name:password"):
        read_auth(None)


def test_a_binary_password_file_raises_an_error(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"password is not UTF-8; expected name:password\.$"):
        read_auth(str(tmp_path / "password"))


def test_an_invalid_port_raises_an_error() -> None:
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:99999 cannot be used \(a port is a number from 0 to 65535\)"):
        bind("127.0.0.1", 99999, None, allow_public=False)
