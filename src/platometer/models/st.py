"""``st:NAME_OR_FOLDER``: text models of sentence-transformers.

Layers are those of the transformer inside (as ``hf:`` gives them), pooled as the model itself pools unless asked
otherwise, and last the sentence embedding that ``SentenceTransformer.encode`` returns, named ``sentence``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from platometer.cards import Card
from platometer.errors import ModelError, missing
from platometer.models import _layers, _pooling, _torchvision_shim
from platometer.models._torch import Inputs, Point, TorchModel, parameters


def load(
    name: str,
    *,
    layers: str | Sequence[str] = "blocks",
    pooling: str = "auto",
    device: str | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    trust_remote_code: bool = False,
) -> TorchModel:
    """The sentence-transformers model of this name, or in this folder.

    Parameters
    ----------
    name : hub name or folder.
    layers : see `platometer.models._layers.choose`; names are ``embeddings``, ``block.0`` on, and ``sentence``.
    pooling : one of ``auto, mean, cls, first, last, max, none``; ``auto`` is the model's own mode where it has one.
    device : a graphics processor if there is one, if None.
    revision, local_files_only, trust_remote_code : as for ``hf:``.

    Raises
    ------
    ModelError
        It is not there or cannot be loaded.
    """
    _torchvision_shim.ready()
    try:
        import sentence_transformers
    except ImportError:
        raise missing("sentence_transformers", "language", wanted_for="A sentence-transformers model") from None
    _pooling.check(pooling)
    try:
        network = sentence_transformers.SentenceTransformer(
            name, device=device or ("cuda" if torch.cuda.is_available() else "cpu"), revision=revision,
            local_files_only=local_files_only or Path(name).exists(), trust_remote_code=trust_remote_code)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"Cannot load st:{name}: {first} Is it a sentence-transformers model, and can this machine reach the "
                         "hub?") from error
    network = network.eval()
    limit = network.max_seq_length
    paths = _layers.blocks_of(network)
    points = [Point("embeddings", paths[0], "input"), *(Point(f"block.{i}", path) for i, path in enumerate(paths))]
    known = {point.name: point for point in points} | {"sentence": Point("sentence", "", "result")}
    names = _layers.choose(list(known), [], layers, model=f"st:{name}")
    how = _own_pooling(network) if pooling == "auto" else pooling

    def prepare(items: Sequence[str]) -> Inputs:
        found = network.preprocess(list(items)) if hasattr(network, "preprocess") else network.tokenize(list(items))
        return Inputs(args=(found,), mask=found["attention_mask"])

    def count(items: Sequence[str]) -> list[int]:
        return [len(ids) for ids in network.tokenizer(list(items), truncation=False, verbose=False)["input_ids"]]

    details = {"pooling": how, "context": limit, "library": f"sentence-transformers {sentence_transformers.__version__}",
               "layers": layers if isinstance(layers, str) else list(layers)}
    card = Card(name=Path(name).name, source=f"st:{name}", revision=revision or "", parameters=parameters(network))
    return TorchModel(
        module=_Sentence(network), points=tuple(_inside(known[layer]) for layer in names), prepare=prepare, card=card,
        modality="text", details=details, pooling=how, concat=layers == "concat", limit=limit, count=count,
    )


class _Sentence(torch.nn.Module):
    """The network, returning the sentence embedding alone."""

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        self.network = network

    def forward(self, features: dict) -> torch.Tensor:
        return self.network(dict(features))["sentence_embedding"]


def _inside(point: Point) -> Point:
    return point if point.side == "result" else Point(point.name, f"network.{point.path}", point.side)


def _own_pooling(network: torch.nn.Module) -> str:
    """The mode of the model's pooling module, in our words; the mean where it has none that we know."""
    for module in network.modules():
        mode = getattr(module, "pooling_mode", None)
        if isinstance(mode, str):
            return {"cls": "cls", "max": "max", "lasttoken": "last"}.get(mode, "mean")
    return "mean"
