"""Which modules of a network are its layers, found from its structure; no tracing, so any architecture will do."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Sequence

from torch import nn

from platometer import spec
from platometer.errors import ModelError, SpecError, suggestion


def choose(blocks: Sequence[str], every: Sequence[str], layers: str | Sequence[str], *, model: str) -> tuple[str, ...]:
    """The layers that a choice names, in order of depth.

    Parameters
    ----------
    blocks : the model's blocks, which most choices pick from.
    every : all that can be named.
    layers : ``"blocks"`` (all of them), ``"last"``, ``"every(m)"`` (each m-th, counted from the last), ``"concat"``
        (all blocks; the model joins them), ``"all"`` (every module that gives a tensor), a pattern such as
        ``"layer3.*"``, or a list of names and patterns.
    model : named in errors.

    Raises
    ------
    SpecError
        Nothing of that name.
    """
    if not isinstance(layers, str):
        picked = [name for choice in layers for name in choose(blocks, every, choice, model=model)]
        return tuple(name for name in dict.fromkeys([*blocks, *every]) if name in set(picked))
    if layers in ("blocks", "concat"):
        return tuple(blocks)
    if layers == "last":
        return (blocks[-1],)
    if layers == "all":
        return tuple(every)
    if layers.startswith("every("):
        step = spec.parse(layers)[1].get("")
        if not isinstance(step, int) or step < 1:
            raise SpecError(f"layers = {layers!r}; expected every(m) with m >= 1.")
        return tuple(blocks[::-1][::step][::-1])
    known = list(dict.fromkeys([*blocks, *every]))
    found = [name for name in known if fnmatch.fnmatchcase(name, layers)]
    if not found:
        raise SpecError(f"{model} has no layer {layers!r}. {suggestion(layers, known[:40])}")
    return tuple(found)


def blocks_of(module: nn.Module) -> tuple[str, ...]:
    """Names of a network's blocks: the repeated siblings that most of it is made of.

    Lists or sequences whose members are mostly of one class, with parts of their own, are taken from the outside in
    (the stages of a ResNet in order, the blocks of a transformer); a network without any is taken by its direct
    children that have parameters or are the last.

    Parameters
    ----------
    module : the network.

    Raises
    ------
    ModelError
        It has no parts at all.
    """
    found = _repeated(module, "")
    if found:
        total = {name: _weight(module.get_submodule(name)) for name in found}
        homes = {name: name.rpartition(".")[0] for name in found}
        share = Counter()
        for name in found:
            share[homes[name]] += total[name]
        most = max(share.values())
        kept = [name for name in found if share[homes[name]] * 100 >= most]  # not a small projector or head
        return tuple(kept)
    direct = [name for name, child in module.named_children() if any(True for _ in child.parameters())]
    if not direct:
        raise ModelError(f"{type(module).__name__} has no parts to take features from; name its layers.")
    return tuple(direct)


def every_of(module: nn.Module) -> tuple[str, ...]:
    """Names of all modules, in the order in which they were defined.

    Parameters
    ----------
    module : the network.
    """
    return tuple(name for name, _ in module.named_modules() if name)


def _repeated(module: nn.Module, prefix: str) -> list[str]:
    names: list[str] = []
    for name, child in module.named_children():
        path = f"{prefix}{name}"
        if isinstance(child, nn.ModuleList | nn.Sequential) and _is_stack(child):
            names += [f"{path}.{inner}" for inner, part in child.named_children() if any(True for _ in part.parameters())]
        else:
            names += _repeated(child, f"{path}.")
    if not prefix and not names and isinstance(module, nn.Sequential | nn.ModuleList) and _is_stack(module):
        names = [name for name, _ in module.named_children()]
    return names


def _is_stack(container: nn.Module) -> bool:
    """Whether most members are of one class that has parts and parameters of its own."""
    parts = list(container.children())
    kinds = Counter(type(part) for part in parts)
    if not kinds:
        return False
    kind, count = kinds.most_common(1)[0]
    if kind in (nn.Sequential, nn.ModuleList):
        return False
    example = next(part for part in parts if type(part) is kind)
    composite = any(True for _ in example.children()) and any(True for _ in example.parameters())
    return composite and count * 2 > len(parts)


def _weight(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
