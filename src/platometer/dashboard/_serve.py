"""Listening: on this machine alone, unless a host is named; then never without a token."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from platometer.dashboard._app import app
from platometer.errors import InputError, missing


def serve(
    runs: str | Path, *, host: str = "127.0.0.1", port: int = 0, token: str = "", announce: Callable[[str], object] = print
) -> None:
    """Serve the dashboard over a folder of runs until interrupted.

    Parameters
    ----------
    runs : the folder.
    host : where to listen. Any but this machine's loopback demands a token.
    port : where to listen; a free one if 0.
    token : at least 16 characters. If empty, none on loopback, and elsewhere one is made.
    announce : called with the address once it can be opened. A token stands behind its ``#``, the part of an address that
        no browser sends and no server logs.

    Raises
    ------
    DataError
        There is no such folder.
    InputError
        The host or the port cannot be listened on, or the token is too short.
    MissingDependencyError
        Starlette or uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError:
        raise missing("uvicorn", "dashboard", wanted_for="The dashboard") from None
    token = token or ("" if _own(host) else secrets.token_urlsafe(24))
    made = app(runs, token=token, hosts=(host,))
    listening = _listening(host, port)
    name = f"[{host}]" if ":" in host else host
    announce(f"http://{name}:{listening.getsockname()[1]}/" + (f"#token={token}" if token else ""))
    config = uvicorn.Config(made, log_level="warning", access_log=False, server_header=False, ws="none", lifespan="off",
                            proxy_headers=False, timeout_graceful_shutdown=2)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()


def _own(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"port = {port}; expected 0 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as undone:
            out = undone.enter_context(socket.socket(family, kind, protocol))
            out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            out.bind(address)
            out.listen(128)  # whoever opens the address at once waits for the server
            undone.pop_all()
        return out
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{host}:{port} cannot be listened on: {why}. Is the port taken, or the host not this machine's?"
                         ) from None
