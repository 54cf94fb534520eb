"""The dashboard: a folder of runs as one live page, read-only, while they are going.

`state` says what there is, as plain data; `app` is the page and its answers as an ASGI application, with nothing in it that
a notebook could not call; `serve` listens. It writes nothing, runs no code that a run names, reads nothing outside the
folder but the samples that a run recorded, and shows every name and caption as text.

>>> from platometer import dashboard
>>> dashboard.state("runs")["runs"][0]["answered"]  # doctest: +SKIP
128
"""

from platometer.dashboard._app import app
from platometer.dashboard._query import select
from platometer.dashboard._runs import state
from platometer.dashboard._serve import serve

__all__ = ["app", "select", "serve", "state"]
