"""The page and its answers: every one a call of a function of this package, behind a guard that lets only reading in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from platometer import report
from platometer.dashboard import _pairs, _table
from platometer.dashboard._runs import Runs, plain, state
from platometer.errors import DataError, InputError, PlatometerError, StoreError, missing

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

COOKIE = "platometer"
LEAST = 16
"""Characters of a token."""

_HERE = Path(__file__).parent
_log = logging.getLogger("platometer")
_HEADERS = {
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin", "cross-origin-opener-policy": "same-origin", "cache-control": "no-store",
}
_Scope = MutableMapping[str, Any]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def app(runs: str | Path, *, token: str = "", hosts: Iterable[str] = ()) -> Guard:
    """The dashboard over a folder of runs, as an ASGI application.

    Parameters
    ----------
    runs : the folder.
    token : that every request for data must carry, as ``Authorization: Bearer`` or as the cookie that ``/api/enter`` gives
        for it; none is asked for if empty.
    hosts : names that this server is called by, beside this machine's loopback ones; a request that calls it otherwise is
        refused, so that no page elsewhere can reach it through a name of its own.

    Raises
    ------
    DataError
        There is no such folder.
    InputError
        The token is too short to keep anybody out.
    MissingDependencyError
        Starlette is not installed.
    """
    if token and (len(token) < LEAST or not token.isascii() or not token.isprintable() or set(token) & set(' ;,"\\')):
        raise InputError(f"A token has at least {LEAST} characters, of letters, digits and signs such as - and _; it got "
                         f"{len(token)}. Leave it out to have one made.")
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError:
        raise missing("starlette", "dashboard", wanted_for="The dashboard") from None
    found = Runs.at(runs)
    page, policy = _page()
    routes = [Route("/", _fixed(page, "text/html; charset=utf-8"), methods=["GET"]),
              Route("/api/enter", _enter(token), methods=["GET"])]
    routes += [Route(f"/api/{name}", _told(found, answer), methods=["GET"]) for name, answer in _ANSWERS.items()]
    return Guard(Starlette(routes=routes), policy=policy, token=token, hosts=frozenset(name.lower() for name in hosts))


class Guard:
    """Lets a request through that only reads, that calls the server by its own name, and that knows the token.

    Parameters
    ----------
    inner : the application.
    policy : what the page may do, for its header.
    token : none is asked for if empty.
    hosts : names that the server is called by.
    """

    def __init__(self, inner: Any, *, policy: str, token: str, hosts: frozenset[str]):
        self._inner, self._token, self._hosts = inner, token, hosts
        self._headers = _HEADERS | {"content-security-policy": policy}

    async def __call__(self, scope: _Scope, receive: Callable, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets
            return

        async def sealed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [(key.encode(), value.encode()) for key, value in self._headers.items()]
                message = dict(message) | {"headers": [*message.get("headers", []), *extra]}
            await send(message)

        headers = [(key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in scope["headers"]]
        refused = self._refused(scope["method"], scope["path"], headers)
        if refused is None:
            await self._inner(scope, receive, sealed)
        else:
            status, why = refused
            body = plain({"error": why}).encode()
            kind = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            kind += [(b"allow", b"GET, HEAD")] if status == 405 else []
            await sealed({"type": "http.response.start", "status": status, "headers": kind})
            await sealed({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _refused(self, method: str, path: str, headers: list[tuple[str, str]]) -> tuple[int, str] | None:
        """Status and reason, if the request is not let in."""
        if method not in ("GET", "HEAD"):
            return 405, "This server only reads; ask by GET."
        names = [value for key, value in headers if key == "host"]
        if len(names) != 1 or not self._known(names[0]):
            return 421, "This server is not called by that name. Use the address that it printed when it began."
        if any(key == "sec-fetch-site" and value in ("cross-site", "same-site") for key, value in headers) and path != "/":
            return 403, "Another page asked for this; only this server's own may."
        if self._token and path != "/" and not self._enters(headers):
            return 401, "A token is needed: the one in the address that the server printed when it began."
        return None

    def _known(self, host: str) -> bool:
        """Whether a Host header names this server: a loopback name, a name it was given, or a bare address of a listener that
        asks for a token."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
        name = name.strip("[]").lower()
        if name in ("localhost", "127.0.0.1", "::1") or name in self._hosts:
            return True
        if not self._token or not self._hosts & {"0.0.0.0", "::"}:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name == socket.gethostname().lower()
        return True

    def _enters(self, headers: list[tuple[str, str]]) -> bool:
        given = [value.removeprefix("Bearer ").strip() for key, value in headers if key == "authorization"]
        given += [value for key, text in headers if key == "cookie" for value in _cookies(text)]
        return any(secrets.compare_digest(one.encode(), self._token.encode()) for one in given)


def _cookies(text: str) -> list[str]:
    try:
        return [morsel.value for name, morsel in SimpleCookie(text).items() if name == COOKIE]
    except CookieError:
        return []


def _page() -> tuple[bytes, str]:
    """The page, and the policy that allows its own script and style and nothing else."""
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    style = (Path(report.__file__).parent / "style.css").read_text(encoding="utf-8")
    style += (_HERE / "style.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined)
    text = environment.get_template("page.html").render(script=Markup(script), style=Markup(style))
    policy = (f"default-src 'none'; script-src {_hashed(script)}; style-src {_hashed(style)}; img-src 'self' data:; "
              "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    return text.encode(), policy


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _fixed(body: bytes, kind: str) -> Callable:
    from starlette.responses import Response

    async def give(_: Request) -> Response:
        return Response(body, media_type=kind)

    return give


def _enter(token: str) -> Callable:
    """Gives the cookie to whoever got this far, so that pictures and downloads need no header."""
    from starlette.responses import Response

    async def give(_: Request) -> Response:
        out = Response(plain({"entered": True}), media_type="application/json")
        if token:
            out.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/")
        return out

    return give


def _told(runs: Runs, answer: Callable[[Runs, Any], Any]) -> Callable:
    """A route that gives an answer, its errors in words."""
    from starlette.responses import Response

    async def give(request: Request) -> Response:
        try:
            made = await asyncio.to_thread(answer, runs, request.query_params)
            if isinstance(made, Response):
                return made
            body = await asyncio.to_thread(lambda: plain(made).encode())
        except PlatometerError as error:
            status = 404 if isinstance(error, DataError | StoreError) else 400
            return Response(plain({"error": str(error)}), status_code=status, media_type="application/json")
        except Exception as error:
            _log.warning("the dashboard failed at %s: %s", request.url.path, type(error).__name__, exc_info=True)
            return Response(plain({"error": f"{type(error).__name__}: this is not an error that platometer foresaw."}),
                            status_code=500, media_type="application/json")
        mark = hashlib.sha256(body).hexdigest()[:32]
        body = b'{"same":true}' if request.query_params.get("seen") == mark else body
        return Response(body, media_type="application/json", headers={"x-mark": mark})

    return give


def _number(asked: Any, name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise InputError(f"{name} = {text[:40]!r}; expected a whole number.")
    return int(text)


def _pair(runs: Runs, asked: Any) -> dict:
    run = runs.find(asked.get("run", ""))
    return _pairs.pair(runs, run, asked.get("key", ""), asked.get("left", ""), asked.get("right", ""))


def _neighbours(runs: Runs, asked: Any) -> dict:
    run = runs.find(asked.get("run", ""))
    sample, k = _number(asked, "sample", 0), _number(asked, "k", 10)
    if "model" in asked:
        return _pairs.of_model(runs, run, asked["model"], layer=asked.get("layer", ""), sample=sample, k=k)
    layers = (asked.get("left_layer", ""), asked.get("right_layer", ""))
    return _pairs.of_pair(runs, run, asked.get("key", ""), asked.get("left", ""), asked.get("right", ""), sample=sample, k=k,
                          layers=layers)


def _picture(runs: Runs, asked: Any) -> Response:
    from starlette.responses import Response

    return Response(_pairs.picture(runs, runs.find(asked.get("run", "")), asked.get("sample", "")), media_type="image/png")


def _download(runs: Runs, asked: Any) -> Response:
    from starlette.responses import Response

    run, form = runs.find(asked.get("run", "")), asked.get("format", "parquet")
    body = _table.download(runs, run, asked.get("where", ""), form)
    name = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in run.path.name)[:60]
    return Response(body, media_type=_table.FORMATS[form],
                    headers={"content-disposition": f'attachment; filename="{name}-rows.{form}"'})


_ANSWERS: dict[str, Callable[[Runs, Any], Any]] = {
    "runs": lambda runs, asked: state(runs),
    "rows": lambda runs, asked: _table.shown(runs, runs.find(asked.get("run", "")), asked.get("where", "")),
    "pair": _pair,
    "model": lambda runs, asked: _pairs.model(runs, runs.find(asked.get("run", "")), asked.get("name", "")),
    "neighbours": _neighbours,
    "picture": _picture,
    "compare": lambda runs, asked: _pairs.compare(runs, runs.find(asked.get("first", "")), runs.find(asked.get("second", ""))),
    "download": _download,
}
