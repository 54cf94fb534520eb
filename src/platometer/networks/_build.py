"""Networks by kind and size."""

from __future__ import annotations

import torch
from torch import nn

from platometer.errors import SpecError, suggestion
from platometer.networks._bag import Bag
from platometer.networks._convolutional import Convolutional
from platometer.networks._recurrent import Recurrent
from platometer.networks._series import Path, Sound
from platometer.networks._transformer import Causal, Vision

KINDS: dict[str, type[nn.Module]] = {
    "conv": Convolutional, "vit": Vision, "gpt": Causal, "gru": Recurrent, "bow": Bag, "sound": Sound, "path": Path}
"""Kind -> class."""

SIZES: dict[str, tuple[dict[str, int], ...]] = {
    "conv": tuple({"width": w} for w in (4, 6, 12, 20, 34)),
    "vit": tuple({"width": w, "depth": d} for w, d in ((12, 2), (20, 3), (32, 4), (52, 5), (92, 5))),
    "gpt": tuple({"width": w, "depth": d} for w, d in ((12, 2), (20, 3), (36, 4), (64, 4), (100, 5))),
    "gru": tuple({"width": w, "depth": d} for w, d in ((14, 2), (26, 3), (48, 4), (88, 4), (140, 5))),
    "bow": tuple({"width": w, "depth": d} for w, d in ((16, 2), (32, 3), (56, 4), (104, 4), (168, 5))),
    "sound": tuple({"width": w} for w in (8, 16, 32)),
    "path": tuple({"width": w, "depth": d} for w, d in ((16, 2), (32, 3), (64, 4))),
}
"""Kind -> options of each size; the number of parameters grows about threefold from one to the next."""


def build(kind: str, *, seed: int, **options: float) -> nn.Module:
    """An untrained network of this kind, in evaluation mode; its weights follow from the seed alone.

    Parameters
    ----------
    kind : one of `KINDS`.
    seed : of the weights.
    options : of its class, ``words`` among them where it reads.

    Raises
    ------
    SpecError
        No such kind.

    Examples
    --------
    >>> network = build("conv", seed=0, width=4)
    >>> network(torch.zeros(2, 3, 48, 48)).shape
    torch.Size([2, 16])
    """
    if kind not in KINDS:
        raise SpecError(f"There is no network {kind!r}. {suggestion(kind, KINDS)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = KINDS[kind](**options)
    if kind == "conv":
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval()


def layers(network: nn.Module) -> tuple[str, ...]:
    """Names of a network's layers, in order of depth: ``embed`` where there are words, and ``blocks.0`` on.

    Parameters
    ----------
    network : as `build` made it.
    """
    words = ("embed",) if isinstance(network, Causal | Recurrent | Bag) else ()
    return (*words, *(f"blocks.{i}" for i in range(len(network.blocks))))  # type: ignore[arg-type]
