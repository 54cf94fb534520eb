"""Which modules of a network are its layers, found from its structure; no tracing, so any architecture will do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from torch import nn

from platometer import spec
from platometer.errors import ModelError, SpecError, suggestion


def choose(blocks: Sequence[str], every: Sequence[str], layers: str | Sequence[str], *, model: str) -> tuple[str, ...]:
    """The layers that a choice names.

    Parameters
    ----------
    blocks : the model's blocks in order of depth, which most choices pick from.
    every : all that can be named.
    layers : ``"blocks"`` (all of them), ``"last"``, ``"every(m)"`` (each m-th, counted back from the last), ``"concat"``
        (all blocks; the model joins them), ``"all"`` (everything that can be named), a name or a pattern, or a list of
        these, kept in its order. In a pattern ``*`` stands for anything within one step of the path and ``**`` for
        any number of steps: ``"blocks.*"`` is the blocks, ``"blocks.**"`` also all that is inside them.
    model : named in errors.

    Raises
    ------
    SpecError
        Nothing of that name, or no block to choose from.
    """
    if not isinstance(layers, str):
        if not layers:
            raise SpecError(f"layers is an empty list; {model} needs at least one layer.")
        if "concat" in layers:
            raise SpecError("layers = 'concat' stands alone; it joins all blocks into one layer.")
        return tuple(dict.fromkeys(name for choice in layers for name in choose(blocks, every, choice, model=model)))
    step = _step(layers)
    if layers in ("blocks", "concat", "last") or step is not None:
        if not blocks:
            raise SpecError(f"{model} has no blocks that can be seen; name its layers. {suggestion(layers, every[:40])}")
        return tuple(blocks[::-1][:: step or 1][::-1]) if layers != "last" else (blocks[-1],)
    if layers == "all":
        return tuple(every)
    known = list(dict.fromkeys([*blocks, *every]))
    pattern = re.compile("".join({"**": ".*", "*": "[^.]*", "?": "[^.]"}.get(part, re.escape(part))
                                 for part in re.split(r"(\*\*|\*|\?)", layers)))
    found = [name for name in known if pattern.fullmatch(name)]
    if not found:
        raise SpecError(f"{model} has no layer {layers!r}. {suggestion(layers, known[:40])}")
    return tuple(found)


def _step(layers: str) -> int | None:
    if not re.match(r"every\s*\(", layers):
        return None
    options = spec.parse(layers)[1]
    step = options.get("", options.get("m"))
    if len(options) != 1 or not isinstance(step, int) or isinstance(step, bool) or step < 1:
        raise SpecError(f"layers = {layers!r}; expected every(m) with a whole number m >= 1.")
    return step


def blocks_of(module: nn.Module) -> tuple[str, ...]:
    """Names of a network's blocks: the repeated siblings that it is made of, in the order of their definition.

    First choice are lists and sequences whose members are mostly of one class with parts of its own, taken from the
    outside in (the stages or blocks of a ResNet, the blocks of a transformer); then siblings of one such class that
    are attributes; then, as for a plain convolutional network, the direct children that have parameters, inside
    wrappers of a single child.

    Parameters
    ----------
    module : the network.

    Raises
    ------
    ModelError
        It has no parts at all.
    """
    found = _stacked(module, "") or _siblings(module, "")
    if found:
        return tuple(found)
    prefix, direct = "", _weighty(module)
    while len(direct) == 1 and _weighty(module.get_submodule(direct[0])):
        prefix, module = f"{prefix}{direct[0]}.", module.get_submodule(direct[0])
        direct = _weighty(module)
    if not direct:
        raise ModelError(f"{type(module).__name__} has no parts to take features from.")
    return tuple(prefix + name for name in direct)


def trunk_of(module: nn.Module) -> tuple[str, ...]:
    """The blocks of the list that holds most of a network's parameters: a transformer's own blocks, not its stem's.

    Parameters
    ----------
    module : the network.

    Raises
    ------
    ModelError
        It has no parts at all.
    """
    homes: dict[str, list[str]] = {}
    for name in blocks_of(module):
        homes.setdefault(name.rpartition(".")[0], []).append(name)
    return tuple(max(homes.values(), key=lambda names: sum(_weight(module.get_submodule(name)) for name in names)))


def every_of(module: nn.Module) -> tuple[str, ...]:
    """Names of all modules, in the order of their definition.

    Parameters
    ----------
    module : the network.
    """
    return tuple(name for name, _ in module.named_modules() if name)


def _stacked(module: nn.Module, prefix: str) -> list[str]:
    """Members of all lists and sequences that are stacks, outermost first."""
    if isinstance(module, nn.ModuleList | nn.Sequential) and _is_stack(list(module.children())):
        return [f"{prefix}{name}" for name in _weighty(module)]
    return [found for name, child in module.named_children() for found in _stacked(child, f"{prefix}{name}.")]


def _siblings(module: nn.Module, prefix: str) -> list[str]:
    """Attributes of one class that hold most of a module's parameters, at the outermost level that has any."""
    kinds = Counter(type(child) for child in module.children() if _is_composite(child))
    repeated = [kind for kind, count in kinds.most_common(1) if count > 1]
    if repeated:
        alike = [name for name, child in module.named_children() if type(child) is repeated[0] and _weight(child)]
        if len(alike) > 1 and 2 * sum(_weight(module.get_submodule(name)) for name in alike) > _weight(module):
            return [f"{prefix}{name}" for name in alike]
    return next((found for name, child in module.named_children() if (found := _siblings(child, f"{prefix}{name}."))), [])


def _is_stack(parts: Sequence[nn.Module]) -> bool:
    """Whether most members are of one class that has parts and parameters of its own."""
    kinds = Counter(type(part) for part in parts)
    if not kinds:
        return False
    kind, count = kinds.most_common(1)[0]
    return 2 * count > len(parts) and any(_is_composite(part) for part in parts if type(part) is kind)


def _is_composite(module: nn.Module) -> bool:
    if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict) and type(module).__module__.startswith("torch.nn"):
        return False
    return any(True for _ in module.children()) and _weight(module) > 0


def _weighty(module: nn.Module) -> list[str]:
    return [name for name, child in module.named_children() if _weight(child)]


def _weight(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
