"""What loading weights needs, whichever library they come from: a place, a precision, no pickles, and a card."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from platometer.cards import fingerprint
from platometer.errors import ModelError, SpecError

DTYPES = ("float32", "float16", "bfloat16", "float64")
_log = logging.getLogger("platometer")
_CONTENT = (".safetensors", ".bin", ".json", ".txt", ".model", ".pt", ".pth", ".py", ".spm", ".tiktoken",
            ".jinja", ".vocab", ".codes", ".bpe")


def dtype_of(word: str) -> torch.dtype:
    """The precision of that name.

    Parameters
    ----------
    word : one of `DTYPES`.

    Raises
    ------
    SpecError
        There is none.
    """
    if word not in DTYPES:
        raise SpecError(f"dtype = {word!r}; expected one of {', '.join(DTYPES)}.")
    return getattr(torch, word)


def device_of(device: str | None) -> torch.device:
    """The device of that name; a graphics processor if there is one and none is named.

    Parameters
    ----------
    device : such as ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.

    Raises
    ------
    SpecError
        There is no such kind of device.
    """
    try:
        return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise SpecError(f"device = {device!r}; expected e.g. 'cpu', 'cuda', 'cuda:1' or 'mps'.") from error


def placed(network: nn.Module, device: str | None, dtype: torch.dtype | None = None) -> nn.Module:
    """The network in evaluation mode, on its device and in its precision.

    Parameters
    ----------
    network : any.
    device : see `device_of`.
    dtype : of its floating-point weights; kept if None.

    Raises
    ------
    ModelError
        This machine has no such device.
    """
    where = device_of(device)
    try:
        return network.to(device=where, dtype=dtype).eval()
    except torch.OutOfMemoryError as error:
        raise ModelError(f"{type(network).__name__} does not fit the memory of {where}. Use dtype='bfloat16', or for hf: "
                         "quantise='8bit' or device_map='auto'.") from error
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"Cannot use the device {device!r}: {first_line(error)} Is it there, and was torch built "
                         "for it?") from error


@contextmanager
def weights_only() -> Iterator[None]:
    """While this lasts, no checkpoint that torch reads may run code, whatever the library asks for."""
    key = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(key)
    os.environ[key] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[key]
        else:
            os.environ[key] = before


@dataclass(frozen=True)
class Said:
    """What a model's own card says of it; empty where it says nothing.

    Attributes
    ----------
    licence : as stated at the head of the card.
    citation : the first BibTeX entry.
    """

    licence: str = ""
    citation: str = ""


def said(readme: Path | None) -> Said:
    """What the README beside a model says.

    Parameters
    ----------
    readme : the file; None or absent if there is none.
    """
    if readme is None or not readme.is_file():
        return Said()
    text = readme.read_text(encoding="utf-8", errors="replace")
    head = re.match(r"---\s*\n(.*?)\n---\s*\n", text, re.DOTALL)
    licence = re.search(r"^license:\s*(\S.*)$", head.group(1), re.MULTILINE) if head else None
    entry = re.search(r"```(?:bibtex)?\s*\n(\s*@\w+\{.*?)```", text, re.DOTALL)
    return Said(licence.group(1).strip(" \"'") if licence else "", entry.group(1).strip() if entry else "")


def hub_card(name: str, revision: str | None, *, local_files_only: bool) -> Said:
    """What the card on the hub says; nothing where it cannot be had, since a licence is no reason to fail.

    Parameters
    ----------
    name : of the model on the hub.
    revision : commit, tag or branch; the newest if None.
    local_files_only : look at what was downloaded before, and never ask the hub.
    """
    try:
        import huggingface_hub
    except ImportError:
        return Said()
    for local in (True,) if local_files_only else (True, False):
        try:
            return said(Path(huggingface_hub.hf_hub_download(name, "README.md", revision=revision, local_files_only=local)))
        except Exception as error:  # offline, absent, gated: the client has many kinds
            _log.info("%s: its card cannot be read (%s)", name, first_line(error))
    return Said()


def folder_revision(folder: Path) -> str:
    """A hash of a model folder's content: weights, configuration and vocabulary, whatever the folder is called.

    Parameters
    ----------
    folder : as saved by its library.
    """
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in _CONTENT]
    return fingerprint([[path.relative_to(folder).as_posix(), file_hash(path)] for path in found])[:16]


def weights_revision(module: nn.Module) -> str:
    """A hash of a network's structure and weights.

    Parameters
    ----------
    module : the network.
    """
    digest = hashlib.sha256()
    for name, part in module.named_modules():
        extra = part.extra_repr() if type(part).__module__.startswith("torch.nn") else ""
        digest.update(f"{name}:{type(part).__qualname__}({extra})\0".encode())
    for key, value in module.state_dict().items():
        if isinstance(value, torch.Tensor):
            digest.update(f"{key}:{value.dtype}{tuple(value.shape)}\0".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits.

    Parameters
    ----------
    path : of the file.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_line(error: BaseException) -> str:
    """The first line of an error's message, ending in a full stop; its kind where it says nothing.

    Parameters
    ----------
    error : any.
    """
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line if line.endswith((".", "?", "!")) else line + "."
