"""Train the networks of the zoo again: ``python zoo/train.py``.

Renders the training data once into a cache folder, says what each network will cost, and trains, largest first, one network
a process and one thread each. A network whose card is there, with the same recipe, is not trained again; one that was
interrupted goes on from its last checkpoint. On two quiet cores all of it takes about forty minutes.

Pictures come from the split "pictures" of the world, captions from the split "captions": nothing that a vision model saw in
training was ever told to a language model. Capability is measured on the weights as stored, on the split "test" with a seed
of its own.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image
from torch.nn import functional as F

from platometer import capability, files, networks, scenes, threads, training
from platometer.cards import fingerprint, versions
from platometer.models import zoo
from platometer.models._torch import parameters
from platometer.scenes import Events
from platometer.training import PAD, Objective, Recipe

PICTURES, CAPTIONS, TEST = 12_000, 30_000, 3_000  # scenes
TEST_SEED = 1  # the study's scenes have seed 0
ABSTRACTIONS = (0.0, 0.0, 0.0, 0.5, 1.0)  # of every fifth caption each
ATTRIBUTES = ("place", "season", "time", "weather", "count", "arrangement", "kind", "colour", "size", "relation", "mood",
              "symmetry", "kind_2", "colour_2")
RATES = (4e-3, 3e-3, 2.5e-3, 2e-3, 1.5e-3)  # by size: the larger, the slower
CONTEXT = 64


@dataclass(frozen=True)
class Family:
    """Networks of one architecture and objective, which all see the same number of items.

    Attributes
    ----------
    kind : of `networks.build`.
    modality : of `platometer.models.Model`.
    objective : what was learnt, in words.
    seen : items seen in training, views of one item counted once.
    batch : items of a batch.
    rates : by size.
    kept : sizes with checkpoints along training.
    """

    kind: str
    modality: str
    objective: str
    seen: int
    batch: int
    rates: tuple[float, ...] = RATES
    kept: tuple[int, ...] = ()


FAMILIES = {
    "conv-contrastive": Family("conv", "image", "to tell pictures apart", 96_000, 128, kept=(3,)),
    "conv-masked": Family("conv", "image", "to fill in hidden patches", 128_000, 64),
    "conv-supervised": Family("conv", "image", "to name every attribute", 128_000, 64),
    "vit-contrastive": Family("vit", "image", "to tell pictures apart", 96_000, 128),
    "vit-masked": Family("vit", "image", "to fill in hidden patches", 128_000, 64),
    "vit-supervised": Family("vit", "image", "to name every attribute", 128_000, 64),
    "gpt": Family("gpt", "text", "the next word", 96_000, 96, kept=(3,)),
    "gru": Family("gru", "text", "the next word", 96_000, 96),
    "bow": Family("bow", "text", "the next word", 96_000, 96),
    "sound": Family("sound", "audio", "to tell sounds apart", 36_000, 96),
    "path": Family("path", "vector", "the next steps", 48_000, 96),
}
_SPLITS = {"image": ("pictures", PICTURES), "text": ("captions", CAPTIONS), "audio": ("pictures", PICTURES),
           "vector": ("pictures", PICTURES)}


@dataclass(frozen=True)
class Plan:
    """One network to train.

    Attributes
    ----------
    family, size : names it.
    """

    family: str
    size: int
    of: Family = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.family}-{self.size}"

    @property
    def recipe(self) -> Recipe:
        return Recipe(steps=self.of.seen // self.of.batch, batch=self.of.batch, rate=self.of.rates[self.size - 1],
                      seed=self.size)

    @property
    def marks(self) -> tuple[int, ...]:
        """Steps to keep, closer at first: about doubling."""
        if self.size not in self.of.kept:
            return ()
        steps = self.recipe.steps
        return tuple(sorted({max(1, round(steps * 2.0**-i)) for i in range(1, 7)} | {round(0.75 * steps)}))

    @property
    def options(self) -> dict[str, int]:
        words = {"words": len(zoo.vocabulary()), "context": CONTEXT} if self.of.kind == "gpt" else (
            {"words": len(zoo.vocabulary())} if self.of.modality == "text" else {})
        return {**words, **networks.SIZES[self.of.kind][self.size - 1]}

    @property
    def key(self) -> str:
        """Changes whenever what is trained does."""
        return fingerprint(self.name, asdict(self.recipe), list(self.marks), self.options, self.of.objective,
                           *_SPLITS[self.of.modality], scenes.world().fingerprint, rendering(self.of.modality))


def plans() -> dict[str, Plan]:
    """Every network by name."""
    found = [Plan(name, size, family) for name, family in FAMILIES.items()
             for size in range(1, len(networks.SIZES[family.kind]) + 1)]
    return {plan.name: plan for plan in found}


# --- data


@cache
def rendering(modality: str) -> str:
    """A hash of how the view of the first scenes comes out, which changes when the view's code does.

    Parameters
    ----------
    modality : which.
    """
    made = _VIEWS[modality](scenes.world().sample(40, split=_SPLITS[modality][0]), seed=0)
    return fingerprint(made if modality == "text" else made.tobytes())[:16]


def captions(events: Events, seed: int = 0) -> list[str]:
    """One caption per event, of mixed density, every fifth of each of `ABSTRACTIONS`.

    Parameters
    ----------
    events, seed : as of `scenes.captions`.
    """
    told = [""] * len(events)
    for level in sorted(set(ABSTRACTIONS)):
        rows = [i for i in range(len(events)) if ABSTRACTIONS[i % len(ABSTRACTIONS)] == level]
        for row, text in zip(rows, scenes.captions(events.take(rows), seed=seed, abstraction=level), strict=True):
            told[row] = text
    return told


_VIEWS: dict[str, Callable[..., Any]] = {
    "image": scenes.pictures, "text": captions, "audio": scenes.sounds, "vector": scenes.paths}


def events(modality: str, part: str) -> Events:
    """The scenes to learn from (``"train"``) or to be judged by (``"test"``).

    Parameters
    ----------
    modality, part : which.
    """
    split, n = _SPLITS[modality] if part == "train" else ("test", TEST)
    return scenes.world().sample(n, split=split, seed=0 if part == "train" else TEST_SEED)


def view(modality: str, part: str, cache_: Path) -> Any:
    """How those scenes look, read or sound, rendered once.

    Parameters
    ----------
    modality, part : which.
    cache_ : folder of what is rendered.
    """
    chosen = events(modality, part)
    ending = "json" if modality == "text" else "npy"
    path = cache_ / f"{modality}-{part}-{chosen.fingerprint[:12]}-{rendering(modality)}.{ending}"
    if not path.exists():
        made = _VIEWS[modality](chosen, seed=0 if part == "train" else TEST_SEED)
        if modality == "text":
            files.write_json(path, made)
        else:
            files.write_whole(path, lambda file: np.save(file, made))
    return files.read_json(path) if modality == "text" else np.load(path)


def objective(plan: Plan, cache_: Path) -> Objective:
    """What the network of a plan learns.

    Parameters
    ----------
    plan, cache_ : see `view`.
    """
    network = networks.build(plan.of.kind, seed=plan.size, **plan.options)
    seen = view(plan.of.modality, "train", cache_)
    if plan.of.modality == "text":
        return training.NextWord(network, zoo.vocabulary().ids(seen, context=CONTEXT, stop=True))
    items = torch.from_numpy(seen)
    if plan.of.modality == "vector":
        return training.NextPart(network, items)
    if plan.of.modality == "audio":
        return training.Contrastive(network, items, training.other_sounds)
    if plan.family.endswith("masked"):
        return training.Masked(network, items)
    if plan.family.endswith("contrastive"):
        return training.Contrastive(network, items, training.other_pictures)
    chosen = events("image", "train")
    labels = {name: torch.from_numpy(chosen.column(name)) for name in chosen.attributes}
    return training.Supervised(network, items, labels, change=training.other_pictures)


# --- training


def train(name: str, cache_: Path) -> str:
    """A line on the network, which is stored now, weights and card.

    Parameters
    ----------
    name : of the network.
    cache_ : folder of data and checkpoints.
    """
    plan = plans()[name]
    goal = objective(plan, cache_)

    def keep(step: int) -> None:
        store(goal, zoo.HOME / f"{name}@{step}.safetensors")

    checkpoint = cache_ / "checkpoints" / f"{name}-{plan.key[:12]}.safetensors"
    curve = training.fit(goal, plan.recipe, checkpoint=checkpoint, every=200, points=50, marks=plan.marks, at_mark=keep,
                         track=tracked(name))
    store(goal, zoo.HOME / f"{name}.safetensors")
    told = card(plan, goal, curve)
    told["checkpoints"] = [{"step": step, "loss": round(at(curve, step), 5)} for step in plan.marks]
    files.write_whole(zoo.HOME / f"{name}.json", _readable(told))
    judged = rejudged(name, cache_)
    checkpoint.unlink(missing_ok=True)
    return judged


def store(goal: Objective, path: Path) -> None:
    """Write a network's weights, in float16.

    Parameters
    ----------
    goal : whose network.
    path : where to.
    """
    weights = {name: value.detach().half().contiguous() for name, value in goal.network.state_dict().items()}
    files.write_whole(path, safetensors.torch.save(weights))


def card(plan: Plan, goal: Objective, curve: training.Curve) -> dict[str, Any]:
    """What is known of a network but its capability.

    Parameters
    ----------
    plan, goal, curve : of its training.
    """
    chosen, family = events(plan.of.modality, "train"), plan.of
    split, n = _SPLITS[family.modality]
    data = {"world": scenes.world().name, "world_fingerprint": scenes.world().fingerprint, "split": split, "seed": 0, "n": n,
            "events_fingerprint": chosen.fingerprint, "rendering": rendering(family.modality)}
    if family.modality == "audio":
        data |= {"rate": scenes.RATE, "length": 4000}
    if family.modality == "text":
        data |= {"abstractions": list(ABSTRACTIONS), "words": "mixed"}
    return {
        "name": plan.name, "family": plan.family, "size": plan.size, "kind": family.kind, "options": plan.options,
        "modality": family.modality, "objective": family.objective, "parameters": parameters(goal.network), "seed": plan.size,
        "licence": "Apache-2.0", "data": data, "recipe": asdict(plan.recipe), "steps": plan.recipe.steps,
        "items_seen": plan.recipe.steps * plan.recipe.batch,
        "curve": [[step, round(loss, 5)] for step, loss in zip(curve.steps, curve.losses, strict=True)], "loss": curve.last,
        "seconds": round(curve.seconds, 1), "checkpoints": [], "capability": {}, "untrained": {}, "key": plan.key,
        "versions": {name: versions()[name] for name in ("python", "platometer", "numpy", "torch")},
    }


def at(curve: training.Curve, step: int) -> float:
    """The loss around one step.

    Parameters
    ----------
    curve, step : which.
    """
    return next((loss for done, loss in zip(curve.steps, curve.losses, strict=True) if done >= step), curve.last)


def tracked(name: str) -> training._loop.Track:
    """Progress as lines on the terminal, about ten a network.

    Parameters
    ----------
    name : of the network.
    """
    def told(done: int, total: int, loss: float) -> None:
        if done == total or (done * 10) // total != ((done - max(1, total // 50)) * 10) // total:
            say(f"{name:20} {done:5}/{total} loss {loss:.4f}")
    return told


# --- capability


def judge(name: str, cache_: Path, **how: Any) -> dict[str, Any]:
    """How much of a scene the stored network tells, and for those that read, bits per byte.

    ``skill``: mean over `ATTRIBUTES` of the accuracy of linear probes between chance (0) and 1, on the layer that validation
    chose, with a 95 % interval; ``per_attribute``: each one's; ``per_layer``: the mean of every layer, in order of depth.

    Parameters
    ----------
    name, cache_ : which network, and where the views are.
    how : ``step`` or ``untrained``, as of `zoo.load`.
    """
    model = zoo.load(name, device="cpu", **how)
    chosen, seen = events(model.modality, "test"), view(model.modality, "test", cache_)
    labels = {attribute: chosen.column(attribute) for attribute in ATTRIBUTES}
    with threads.alone():
        features = encoded(model, items_of(model.modality, seen))
        probed = {layer: capability.linear_probes(x, labels) for layer, x in features.items()}
        best = max(probed, key=lambda layer: np.mean([p.validation for p in probed[layer].values()]))
        skill, low, high = capability.mean_skill(probed[best])
        out = {"skill": round(skill, 4), "interval": [round(low, 4), round(high, 4)], "layer": best, "n": len(chosen),
               "per_attribute": {attribute: round(p.skill, 4) for attribute, p in probed[best].items()},
               "per_layer": [round(capability.mean_skill(p, draws=2)[0], 4) for p in probed.values()]}
        return {"bits_per_byte": round(told_in_bits(model.module, seen), 4), **out} if model.modality == "text" else out


def items_of(modality: str, seen: Any) -> Sequence:
    """Rendered views as a model's items.

    Parameters
    ----------
    modality, seen : see `view`.
    """
    if modality == "image":
        return [Image.fromarray(picture) for picture in seen]
    return [(wave, scenes.RATE) for wave in seen] if modality == "audio" else list(seen)


def encoded(model: zoo.TorchModel, items: Sequence, batch: int = 250) -> dict[str, torch.Tensor]:
    """layer -> (n, d).

    Parameters
    ----------
    model, items : which.
    batch : items at once.
    """
    parts = [model.encode(items[i: i + batch]) for i in range(0, len(items), batch)]
    return {layer: torch.cat([part[layer] for part in parts]) for layer in model.layers()}


def told_in_bits(network: torch.nn.Module, texts: Sequence[str], batch: int = 250) -> float:
    """Bits per byte of captions, every byte counted, and one that ends each.

    Captions are in small letters and their blanks follow from their words and signs, so a code for these is one for the text.
    A word that no training caption has is spelled after the sign for it, at 8 bits a byte and a byte that ends it.

    Parameters
    ----------
    network : scores of the next word.
    texts : n captions.
    batch : texts at once.
    """
    vocabulary = zoo.vocabulary()
    ids, logs = vocabulary.ids(texts, context=10**6, stop=True), []
    if ids.shape[1] > CONTEXT:
        raise SystemExit(f"A test caption has {ids.shape[1]} words and signs; expected at most {CONTEXT}.")
    strange = [[word for word in training.split(text) if word not in vocabulary] for text in texts]
    spelled = np.array([8 * math.log(2) * sum(len(word.encode()) + 1 for word in words) for words in strange])
    with torch.inference_mode():
        for part in ids.split(batch):
            log = F.log_softmax(network(part[:, :-1]).double(), 2).gather(2, part[:, 1:, None])[..., 0]
            logs.append((log * (part[:, 1:] != PAD)).sum(1))
    return capability.bits_per_byte(torch.cat(logs).numpy() - spelled, texts)


# --- the whole


def priced(plan: Plan, cache_: Path) -> float:
    """About how many seconds of one core a network takes, from two steps now.

    Parameters
    ----------
    plan, cache_ : which.
    """
    goal = objective(plan, cache_)
    few = {**asdict(plan.recipe), "steps": 1}
    training.fit(goal, Recipe(**few))
    return training.fit(goal, Recipe(**few)).seconds * plan.recipe.steps


def main() -> None:
    """Train what is not there yet."""
    torch.set_num_threads(1)
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--only", nargs="*", default=[], metavar="NAME", help="names, or how they begin: gpt, vit-masked-5")
    ask.add_argument("--processes", type=int, default=2)
    ask.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "platometer" / "zoo")
    ask.add_argument("--plan", action="store_true", help="say what it would cost, and stop")
    ask.add_argument("--judge", action="store_true", help="measure capability again, of what is there, and train nothing")
    given = ask.parse_args()
    render(given.cache)
    chosen = [plan for plan in plans().values() if not given.only or any(plan.name.startswith(word) for word in given.only)]
    if given.judge:
        for plan in chosen:
            say(rejudged(plan.name, given.cache))
        return
    missing = [plan for plan in chosen if not done(plan)]
    say(f"{len(chosen)} networks, {len(chosen) - len(missing)} there already; timing {len(missing)}")
    prices = {plan.name: priced(plan, given.cache) for plan in missing}
    for name, seconds in prices.items():
        say(f"{name:20} {seconds / 60:5.1f} min, {plans()[name].recipe.steps} steps")
    say(f"{sum(prices.values()) / 60:.0f} core minutes, {sum(prices.values()) / 60 / given.processes:.0f} min here")
    if given.plan:
        return
    order = sorted(prices, key=lambda name: -prices[name])
    with ProcessPoolExecutor(given.processes) as pool:
        for told in pool.map(_one, order, [given.cache] * len(order)):
            say(told)


def rejudged(name: str, cache_: Path) -> str:
    """A line on a network whose capability was measured again.

    Parameters
    ----------
    name, cache_ : which.
    """
    told = zoo.card(name)
    told["checkpoints"] = [{**{key: point[key] for key in ("step", "loss")}, **judge(name, cache_, step=point["step"])}
                           for point in told["checkpoints"]]
    told["capability"], told["untrained"] = judge(name, cache_), judge(name, cache_, untrained=True)
    files.write_whole(zoo.HOME / f"{name}.json", _readable(told))
    return line(told)


def render(cache_: Path) -> None:
    """Make every view that is not there, and the vocabulary.

    Parameters
    ----------
    cache_ : folder of views.
    """
    start = time.time()
    words = training.Vocabulary.of(view("text", "train", cache_)).words
    path = zoo.HOME / "vocabulary.json"
    if not path.exists() or files.read_json(path) != list(words):
        files.write_json(path, list(words))
    for modality in _VIEWS:
        for part in ("train", "test"):
            view(modality, part, cache_)
    say(f"views are in {cache_} ({time.time() - start:.0f} s); {len(words)} words")


def done(plan: Plan) -> bool:
    """Whether the network is there, trained by this recipe, and judged.

    Parameters
    ----------
    plan : which.
    """
    path = zoo.HOME / f"{plan.name}.json"
    told = files.read_json(path) if path.exists() else {}
    return told.get("key") == plan.key and bool(told.get("untrained"))  # type: ignore[attr-defined]


def line(told: Mapping[str, Any]) -> str:
    """One network in a line.

    Parameters
    ----------
    told : its card.
    """
    bits = f" bits/byte {told['capability']['bits_per_byte']:.3f}," if told["modality"] == "text" else ""
    skills = f"skill {told['capability']['skill']:.3f} (untrained {told['untrained']['skill']:.3f})"
    return (f"{told['name']:20} {told['parameters']:7,} parameters, {told['steps']} steps, loss {told['loss']:.4f},{bits} "
            f"{skills}, {told['seconds'] / 60:.1f} min")


def say(text: str) -> None:
    """Print at once, with the time."""
    print(f"{datetime.datetime.now():%H:%M:%S}  {text}", flush=True)


def _one(name: str, cache_: Path) -> str:
    torch.set_num_threads(1)
    return train(name, cache_)


def _readable(told: Mapping[str, Any]) -> bytes:
    """JSON that one can read, a line for each key."""
    return ("{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in told.items())
            + "\n}\n").encode()


if __name__ == "__main__":
    main()
