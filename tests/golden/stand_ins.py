"""The studies of large models with tiny ones in the place of theirs, all on disk: made from numbers, so that rows are golden.

Kept from the file that ships: models by name and family, their pooling, views, what they read, keys of their weights; metrics,
conditionings, pairs, summary, null, capabilities asked for, queries and galleries. Swapped: weights, widths and precision, the
pictures and texts (made here, in the layout that the study's source has), and numbers of samples, draws and gallery sizes,
which `PLANS` says. Weights do not come from a library's generator, but are normal numbers drawn for each by its name.
"""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image

from platometer.models import _torchvision_shim
from platometer.study import Study
from platometer.study._file import Study as _Study

HERE = Path(__file__).parent
_FOUND = importlib.util.spec_from_file_location("tiny_models_for_golden", HERE.parent / "models" / "tiny.py")
tiny = importlib.util.module_from_spec(_FOUND)
_FOUND.loader.exec_module(tiny)
tiny.CONTEXT = 96  # no caption is cut

SHIPPED = Path(importlib.util.find_spec("platometer").origin).parent / "studies"
SIDE, DRAWS = 56, 99
PLANS: dict[str, dict] = {
    "prh-wit": {"n": 32, "each": 2},
    "prh-vision": {"n": 32, "each": 1},
    "prh-skills": {"n": 32, "each": 1},
    "prh-density": {"n": 32, "each": 4},
    "prh-metrics": {"n": 104, "each": 1, "families": 2, "sizes": [102, 104]},
    "cave-gallery": {"n": 128, "each": 99, "sizes": [32], "gallery": {"queries": 32, "sizes": [32, 64, 128], "k": [1, 10]}},
    "aristotelian": {"n": 32, "each": 1, "families": 3},
    "objectives-consistency": {"n": 32, "each": 3},
    "small": {"n": 32, "each": 1, "families": 3},
}
"""Study -> samples; models kept of each family, and families of each library, the first in the file; what else is smaller."""


def study(name: str, home: Path) -> Study:
    """The study of that name on stand-ins, which are made under this folder.

    Parameters
    ----------
    name : one of `PLANS`.
    home : an empty folder.
    """
    plan = PLANS[name]
    values = tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))
    values["data"] = _data(values["data"], home, plan["n"])
    values["align"] |= {"draws": min(values["align"]["draws"], DRAWS)} | ({"sizes": plan["sizes"]} if "sizes" in plan else {})
    values["gallery"] = values["gallery"] | plan["gallery"] if "gallery" in values else None
    values["capability"] = _capability(values["capability"], home, values) if "capability" in values else None
    values["compute"] = {"device": "cpu"}
    values["models"] = [_model(table, home) for table in _kept(values["models"], plan)]
    return _Study.of({key: value for key, value in values.items() if value is not None}, base=home)


@contextmanager
def shrunk() -> Iterator[None]:
    """While this lasts, timm and torchvision build every network of these studies with few narrow blocks."""
    _torchvision_shim.ready()
    import timm
    import torchvision

    real = timm.create_model

    def create(name: str, *, pretrained: bool, num_classes: int) -> torch.nn.Module:
        small: dict = {"img_size": SIDE, "embed_dim": 32, "depth": 2, "num_heads": 4}
        if "convnext" in name:
            small = {"depths": (1, 1, 1, 1), "dims": (8, 16, 16, 32)}
        if "resnet" in name:
            small = {"layers": (1, 1, 1, 1), "channels": (8, 16, 16, 32)}
        network = real(name, pretrained=False, num_classes=num_classes, **small)
        network.pretrained_cfg = dict(network.pretrained_cfg) | {"input_size": (3, SIDE, SIDE)}
        if pretrained:
            _fill(network, name)
        return network

    def get_model(name: str, *, weights: object) -> torch.nn.Module:
        return _narrow_resnet()

    with mock.patch.object(timm, "create_model", create), mock.patch.object(torchvision.models, "get_model", get_model):
        yield


def rows(found: list[dict]) -> list[list]:
    """What is golden of a table: left, right, metric, conditioning, n, score, mean of the null, p, calibrated."""
    return [[row["left"], row["right"], row["metric"], row["conditioning"], row["n"],
             *(None if row[key] is None else round(float(row[key]), 7) for key in ("score", "null_mean", "p", "calibrated"))]
            for row in found]


def _kept(tables: list[dict], plan: dict) -> list[dict]:
    count: dict[tuple[str, str], int] = {}
    out = []
    for table in tables:
        key = (table["source"].partition(":")[0], table["family"])
        if key not in count and sum(one[0] == key[0] for one in count) >= plan.get("families", 99):
            continue
        if count.get(key, 0) < plan["each"]:
            count[key] = count.get(key, 0) + 1
            out.append(dict(table))
    return out


def _model(table: dict, home: Path) -> dict:
    """The table with a stand-in on disk: a folder of the same class, or a file of weights in the layout of the model's own."""
    table.pop("device_map", None)
    if table["source"].startswith("hf:"):
        table["name"] = table.get("name", table["source"].rpartition("/")[2])
        return table | {"source": f"hf:{_language(table['source'], home)}", "dtype": "float32"}
    if "checkpoint" in table:
        network = _narrow_resnet()
        _fill(network, table["name"])
        place = home / table["checkpoint"]
        place.parent.mkdir(parents=True, exist_ok=True)
        weights = {f"{table['keys']}{key}": value for key, value in network.state_dict().items() if not key.startswith("fc.")}
        torch.save({"epoch": 200, "state_dict": weights | {"module.encoder_q.fc.0.weight": torch.zeros(2, 2),
                                                           "module.queue": torch.zeros(2, 2)}}, place)
    return table


def _narrow_resnet() -> torch.nn.Module:
    """A ResNet of torchvision with one block a stage, an eighth as wide."""
    from torchvision.models.resnet import BasicBlock, ResNet

    class Narrow(ResNet):
        def _make_layer(self, block: type, planes: int, *others: object, **more: object) -> torch.nn.Module:
            return super()._make_layer(block, planes // 8, *others, **more)

    return Narrow(BasicBlock, [1, 1, 1, 1])


def _language(source: str, home: Path) -> Path:
    import transformers
    from tokenizers import decoders

    kind = next((kind for word, kind in (("bloom", "bloom"), ("bert", "bert"), ("pythia", "gpt2"), ("gpt2", "gpt2"))
                 if word in source), "llama")
    place = home / "language" / source.rpartition("/")[2]
    if place.exists():
        return place
    tiny.save(kind, place)
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()  # texts can be had back from tokens
    tokenizer.save_pretrained(place)
    config = transformers.AutoConfig.from_pretrained(place)
    made = transformers.AutoModel if kind == "bert" else transformers.AutoModelForCausalLM
    network = made.from_config(config)
    _fill(network, source)
    network.save_pretrained(place)
    return place


def _fill(network: torch.nn.Module, name: str) -> None:
    """Weights as normal numbers, whose stream is the model's and the weight's name; scales about 1, shifts about 0."""
    for key, value in network.named_parameters():
        stream = np.random.Generator(np.random.Philox(key=_number(f"{name} {key}")))
        drawn = stream.standard_normal(tuple(value.shape))
        if value.ndim > 1:
            drawn = drawn / np.sqrt(np.prod(value.shape[1:]))
        else:
            drawn = 1 + 0.1 * drawn if key.endswith("weight") else 0.1 * drawn
        with torch.no_grad():
            value.copy_(torch.from_numpy(drawn))


def _number(text: str) -> int:
    import hashlib

    return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)


def _data(table: dict, home: Path, n: int) -> dict:
    """Pictures of coloured squares with four captions each, in a folder or in the columns of minhuh/prh."""
    place = home / "pictures"
    place.mkdir()
    stream = np.random.Generator(np.random.Philox(key=7))
    colours = {"red": (200, 40, 40), "green": (40, 180, 40), "blue": (40, 40, 210), "grey": (128, 128, 128)}
    things, places = ("dog", "ball", "house", "boat"), ("grass", "beach", "street")
    captions, pictures = [], []
    for i in range(n):
        colour, thing, where, size = list(colours)[i % 4], things[i // 4 % 4], places[i % 3], 8 + i % 17
        pixels = np.full((40, 40, 3), 60 + 50 * (i % 3)) + stream.integers(-20, 20, (40, 40, 3))
        at = stream.integers(0, 40 - size, 2)
        pixels[at[0] : at[0] + size, at[1] : at[1] + size] = colours[colour]
        pictures.append(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))
        captions.append([f"{thing} number {i}", f"a {colour} {thing} on the {where} number {i}",
                         f"a {colour} {thing} of size {size} stands on the {where} and it is number {i}",
                         f"there is a {colour} {thing} of size {size} which stands on the {where} in the evening and this is "
                         f"the picture with number {i} of them all"])
    kept = {"captions": table.get("captions", "first")} | ({"near": table["near"]} if "near" in table else {})
    if table["source"].startswith("hf:"):
        import datasets

        datasets.disable_progress_bars()
        features = datasets.Features({"image": datasets.Image(), "text": datasets.List(datasets.Value("string"))})
        columns = {"image": pictures, "text": [row[1:] for row in captions]}
        found = datasets.Dataset.from_dict(columns, features=features)
        datasets.DatasetDict({"train": found}).save_to_disk(str(home / "hub"))
        return {"source": f"hf:{home / 'hub'}", "split": "train", "duplicates": "say"} | kept
    lines = ["image," + ",".join(f"caption_{i}" for i in range(4))]
    for i, (picture, texts) in enumerate(zip(pictures, captions, strict=True)):
        picture.save(place / f"{i:03d}.png")
        lines.append(f"{i:03d}.png," + ",".join(texts))
    (place / "captions.csv").write_text("\n".join(lines) + "\n")
    return {"source": "folder", "path": str(place), "duplicates": "say"} | kept


def _capability(table: dict, home: Path, values: dict) -> dict:
    """A corpus, labelled pictures and a table of results in the place of OpenWebText, VTAB and a leaderboard."""
    if table.get("text"):
        (home / "corpus.csv").write_text("text\n" + "".join(f"{text} and {i}\n" for i, text in enumerate(tiny.TEXTS * 3)))
        table["text"] = "corpus.csv"
    if table.get("probes"):
        stream = np.random.Generator(np.random.Philox(key=8))
        labels = np.arange(40) % 2
        images = (stream.integers(0, 180, (40, 32, 32, 3)) + 40 * labels[:, None, None, None]).astype(np.uint8)
        np.savez(home / "labelled.npz", images=images, labels=labels)
        table["probes"] = ["labelled.npz"]
    if table.get("columns"):
        read = [one for one in values["models"] if one["source"].startswith("hf:")]
        names = [one.get("name", one["source"].rpartition("/")[2]) for one in read]
        (home / "skills.csv").write_text("model,hellaswag,gsm8k\n" + "".join(
            f"{one},{40 + 3 * i},{max(0, 2 * i - 9)}\n" for i, one in enumerate(names)))
        table["tables"] = ["skills.csv"]
    return table
