"""Weights from a file that somebody trained and put up: which of them are the network's, and that all of those are there.

Training scripts save more than a network: an optimiser beside it, a second encoder, a projection head, a prefix before every
name. What is taken is said (``keys``), what is not taken is recorded, and nothing in the file may run code.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from platometer.errors import ModelError
from platometer.models import _loading

ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
HOLDERS = ("state_dict", "model")
"""Where training scripts keep the weights, if not at the top of the file."""


@dataclass(frozen=True)
class Filled:
    """What a file gave a network.

    Attributes
    ----------
    revision : a hash of the file.
    ignored : how the names of weights in the file begin that were not taken, with how many of each.
    without : the head that the file lacks and the network was therefore left without; empty if there is none.
    """

    revision: str
    ignored: Mapping[str, int]
    without: str = ""

    def as_details(self, checkpoint: str, keys: str) -> dict[str, object]:
        """What is recorded of it.

        Parameters
        ----------
        checkpoint, keys : as they were asked for.
        """
        return {"checkpoint": Path(checkpoint).name, "keys": keys, "ignored": dict(self.ignored), "without": self.without}


def fill(network: nn.Module, checkpoint: str, *, keys: str = "") -> Filled:
    """The network has the weights of the file: all of its own, but for a head that the file lacks, which is taken off.

    Parameters
    ----------
    network : as built, on the CPU.
    checkpoint : a file of safetensors or of PyTorch, read without running code; weights at the top or under one of `HOLDERS`.
    keys : what the names of the network's weights begin with in the file, such as ``"module.encoder_q."``; cut off, and all
        other weights are left aside.

    Raises
    ------
    ModelError
        There is no such file, it is damaged or holds more than weights and plain values, or it is of another network.
    """
    path = Path(checkpoint).expanduser()
    found = _read(path, checkpoint)
    taken = {name.removeprefix(keys): value for name, value in found.items() if name.startswith(keys)}
    wanted = network.state_dict()
    if not set(taken) & set(wanted):
        raise ModelError(f"{checkpoint} has no weight of {type(network).__name__} under names that begin with {keys!r}. "
                         + _hint(found, wanted))
    head = [name for name, _ in network.named_children()][-1]
    own = {name for name in wanted if name.startswith(f"{head}.")}
    others = {name for name in own if name in taken and taken[name].shape != wanted[name].shape}  # another head's
    lacking = [name for name in wanted if (name not in taken and not name.endswith("num_batches_tracked")) or name in others]
    without = head if lacking and own.issuperset(lacking) else ""
    if lacking and not without:
        raise ModelError(f"{checkpoint} lacks {len(lacking)} weights, the first {lacking[0]!r}. Is it of another model?")
    if without:
        setattr(network, head, nn.Identity())
    there = {name: value for name, value in taken.items() if name in wanted and not (without and name in own)}
    try:
        network.load_state_dict(there, strict=False)
    except RuntimeError as error:
        raise ModelError(f"{checkpoint} does not fit: {str(error).strip().splitlines()[-1].strip()} Is it of another "
                         "model?") from error
    return Filled(_loading.file_hash(path)[:16], _ignored(found, keys, there), without)


def _read(path: Path, said: str) -> dict[str, torch.Tensor]:
    """Every weight in the file, by the name that it has there."""
    if not path.is_file():
        raise ModelError(f"checkpoint = {said!r}: there is no such file here. Has it been downloaded, and is the path seen "
                         "from the study file or from where the command runs?")
    if path.suffix not in ENDINGS:
        raise ModelError(f"checkpoint = {said!r}; expected a file that ends in {', '.join(ENDINGS)}.")
    if path.suffix == ".safetensors":
        return _safe(path, said)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise ModelError(f"{said} cannot be read as weights alone: {_loading.first_line(error)} Was the download cut short? "
                         "Files that hold code or objects are refused; save the state dict of such a model "
                         "anew, where you trust it.") from error
    holder = next((name for name in HOLDERS if isinstance(held, Mapping) and isinstance(held.get(name), Mapping)), None)
    state = held[holder] if holder is not None else held
    found = {str(name): value for name, value in state.items() if isinstance(value, torch.Tensor)} if isinstance(
        state, Mapping) else {}
    if not found:
        what = f"the entries {', '.join(map(repr, list(held)[:6]))}" if isinstance(held, Mapping) else type(held).__name__
        raise ModelError(f"{said} holds {what}; expected weights by name, at the top or under {' or '.join(HOLDERS)}.")
    return found


def _safe(path: Path, said: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{said} does not fit: {_loading.first_line(error)} Was the download cut short?") from error


def _hint(found: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """The prefix with which most of the network's names would be there, or how the names in the file begin."""
    first = next(iter(wanted))
    counts = {prefix: sum(prefix + name in found for name in wanted)
              for prefix in sorted(name.removesuffix(first) for name in found if name.endswith(first))}
    best = [repr(prefix) for prefix, count in counts.items() if count == max(counts.values())]
    if best:
        return f"Did you mean keys = {' or '.join(best)}?"
    return f"Its names are such as {', '.join(map(repr, list(found)[:3]))}; expected {first!r}. Is it of another model?"


def _ignored(found: Mapping[str, object], keys: str, taken: Mapping[str, object]) -> dict[str, int]:
    """How many weights were left aside, by how their names begin."""
    out: dict[str, int] = {}
    for name in found:
        if not (name.startswith(keys) and name.removeprefix(keys) in taken):
            parts = name.split(".")
            group = ".".join(parts[: keys.count(".") + 1] if name.startswith(keys) else parts[: max(keys.count("."), 1)])
            out[group] = out.get(group, 0) + 1
    return out
