"""``st:NAME_OR_FOLDER``: text models of sentence-transformers.

Layers are those of the transformer inside (as ``hf:`` gives them), pooled as the model itself pools unless asked
otherwise, and last the sentence embedding that ``SentenceTransformer.encode`` returns, named ``sentence``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from platometer.cards import Card
from platometer.errors import InputError, ModelError, missing
from platometer.models import _items, _layers, _loading, _pooling, _torchvision_shim
from platometer.models._torch import Inputs, Point, TorchModel, parameters, poolable

_OWN = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
    revision: str | None = None,
    local_files_only: bool = False,
    trust_remote_code: bool = False,
) -> TorchModel:
    """The sentence-transformers model of this name, or in this folder.

    Parameters
    ----------
    name : hub name or folder.
    layers : see `platometer.models._layers.choose`; names are ``embeddings``, ``block.0`` on, and ``sentence``.
    pooling : one of ``auto, mean, cls, first, last, max, none``; ``auto`` is the model's own mode where it is one of
        these, else ``mean``. The sentence embedding is always the model's own.
    device : a graphics processor if there is one, if None.
    dtype : of weights and arithmetic.
    revision, local_files_only, trust_remote_code : as for ``hf:``.

    Raises
    ------
    ModelError
        It is not there, cannot be loaded, or reads something else than text.
    """
    kind = _loading.dtype_of(dtype)
    _pooling.check(pooling)
    library = _library()
    source = {"revision": revision, "local_files_only": local_files_only or Path(name).is_dir(),
              "trust_remote_code": trust_remote_code}
    network: Any = _loading.placed(_network(library, name, source, device), device, kind)
    limit = network.max_seq_length
    own = _own_pooling(network)
    how = own if pooling == "auto" else pooling
    module = _Sentence(network)
    prompt = network.prompts.get(network.default_prompt_name) if network.default_prompt_name else None

    def prepare(items: Sequence[str]) -> Inputs:
        words = _items.texts(items)
        found = dict(network.preprocess(words, prompt=prompt))
        mask: Any = found.get("attention_mask")
        for text, count in zip(words, mask.sum(1).tolist(), strict=True):
            if not count:
                raise InputError(f"The tokenizer of {name} makes no tokens of the text {text!r}; it has no vectors. Drop it.")
        return Inputs(args=(found,), mask=mask)

    def count(items: Sequence[str]) -> list[int]:
        words = [(prompt or "") + text for text in _items.texts(items)]
        return [len(ids) for ids in network.tokenizer(words, truncation=False, verbose=False)["input_ids"]]

    known = _points(module)
    if layers == "all":
        points = tuple(Point(path, path) for path in poolable(module, prepare, "a dog and a cat", pooling=how))
    else:
        every = _layers.every_of(module)
        points = tuple(known.get(layer) or Point(layer, layer)
                       for layer in _layers.choose(list(known), every, layers, model=f"st:{name}"))
    details = {"pooling": how, "own_pooling": own, "context": limit, "dtype": dtype, "prompt": prompt or "",
               "library": f"sentence-transformers {library.__version__}",
               "layers": layers if isinstance(layers, str) else list(layers)}
    return TorchModel(
        module=module, points=points, prepare=prepare, card=_card(name, network, source), modality="text", details=details,
        pooling=how, concat=layers == "concat", limit=limit, count=count,
    )


class _Sentence(nn.Module):
    """The network, returning the sentence embedding alone."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, features: dict) -> torch.Tensor:
        return self.network(dict(features))["sentence_embedding"]


def _library() -> ModuleType:
    _torchvision_shim.ready()
    try:
        import sentence_transformers
    except ImportError:
        raise missing("sentence_transformers", "language", wanted_for="A sentence-transformers model") from None
    return sentence_transformers


def _network(library: ModuleType, name: str, source: dict, device: str | None) -> nn.Module:
    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise ModelError(f"Cannot load st:{name}: there is no such folder.")
    try:
        with _loading.weights_only():
            network = library.SentenceTransformer(name, device=str(_loading.device_of(device)), **source)
    except Exception as error:  # the hub client and the libraries under it have many kinds
        raise ModelError(f"Cannot load st:{name}: {_loading.first_line(error)} Is it a sentence-transformers model, and can "
                         "this machine reach the hub?") from error
    if getattr(network, "tokenizer", None) is None or not hasattr(network, "preprocess"):
        raise ModelError(f"st:{name} has no tokenizer of texts; for models of pictures use hf: with tower='vision'.")
    return network


def _points(module: nn.Module) -> dict[str, Point]:
    paths = _layers.trunk_of(module)
    blocks = [Point(f"block.{i}", path) for i, path in enumerate(paths)]
    listed = [Point("embeddings", paths[0], "input"), *blocks, Point("sentence", "", "result")]
    return {point.name: point for point in listed}


def _own_pooling(network: nn.Module) -> str:
    """The mode of the model's pooling module, in our words; the mean where it has none that we know."""
    for module in network.modules():
        mode = getattr(module, "pooling_mode", None)
        if isinstance(mode, str):
            return _OWN.get(mode, "mean")
    return "mean"


def _card(name: str, network: nn.Module, source: dict) -> Card:
    folder = Path(name)
    if folder.is_dir():
        found, revision, called = _loading.said(folder / "README.md"), _loading.folder_revision(folder), folder.resolve().name
    else:
        configs = (getattr(getattr(part, "config", None), "_commit_hash", None) for part in network.modules())
        revision, called = next((commit for commit in configs if commit), source["revision"]), name.rpartition("/")[2]
        found = _loading.hub_card(name, revision, local_files_only=bool(source["local_files_only"]))
    return Card(name=called, source=f"st:{name}", revision=str(revision or ""), licence=found.licence, citation=found.citation,
                parameters=parameters(network))
