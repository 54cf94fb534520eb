"""Lets torchvision load beside a torch that its compiled operators do not fit (a CPU build, a mismatched version).

torchvision then fails on describing operators that are not there (pytorch/vision issues 9085 and 9337). Declaring
the missing names, without an implementation, lets everything but those operators work.
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
from functools import cache

import torch

_log = logging.getLogger("platometer")
_keep: list = []  # a library's declarations last as long as the library does


@cache
def ready() -> str:
    """``"ok"``, ``"absent"``, or ``"declared"`` if operators had to be declared; to be called before timm or transformers.

    Raises
    ------
    RuntimeError
        torchvision fails for another reason.
    """
    for _ in range(8):
        try:
            importlib.import_module("torchvision")
        except ModuleNotFoundError:
            return "absent"
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
            if not _keep:
                _keep.append(torch.library.Library("torchvision", "FRAGMENT"))
            _keep[0].define(f"{missing.group(1)}(Tensor x) -> Tensor")
        else:
            if _keep:
                _log.info("torchvision's compiled operators do not fit this torch; its Python part is used without them.")
            return "declared" if _keep else "ok"
    raise RuntimeError("torchvision cannot be imported beside this torch; reinstall matching versions of both.")
