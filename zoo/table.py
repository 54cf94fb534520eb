"""Write ``docs/zoo.md`` from the cards of the zoo: ``python zoo/table.py docs/zoo.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from platometer import files, scenes
from platometer.models import zoo

_HEAD = """# The zoo

{count} small networks that grew up in the world of [scenes](scenes.md), each in one modality alone. They ship with the
package ({size:.1f} MB, float16), so that a study of convergence needs no download and no training:

```python
from platometer import models

model = models.load("zoo:vit-supervised-5")
twin = models.load("zoo:vit-supervised-5", untrained=True)    # the same network before its first step
early = models.load("zoo:gpt-3", step={early})                    # kept along training: {kept}
```

`platometer.models.zoo.catalogue()` lists them, `zoo.card(name)` gives all that is known of one: data, recipe, curve of the
loss, capability (of every attribute and layer), versions. `auto` pooling is the mean over places, words or moments.

## What they learnt from

| | modality | training scenes | learnt |
|---|---|---|---|
| `conv-contrastive`, `vit-contrastive` | pictures | {pictures:,} of the split `pictures` | to tell apart (InfoNCE) |
| `conv-masked`, `vit-masked` | pictures | the same | to fill in hidden patches (60 % of 36; squared error) |
| `conv-supervised`, `vit-supervised` | pictures | the same | to name all {attributes} attributes, a linear map each |
| `gpt`, `gru`, `bow` | captions | {captions:,} of the split `captions` | the next word |
| `sound` | sounds | {pictures:,} of the split `pictures` | to tell apart (InfoNCE) |
| `path` | paths | the same | the next eight steps |

Two views of a picture differ in light, tint, shift, enlargement and noise, two of a sound in where it begins, gain and noise.
Captions have 3 to 30 words, and two fifths of them are abstract. `bow` knows the set of the words so far and not their order.

No scene that a vision model saw was ever told to a language model, and neither met the scenes of the split `test`.
Convolutional networks have three residual stages with group norms, vision transformers patches of 8 pixels, and no class token.
The number at the end of a name is the size; parameters grow about threefold from one to the next, and all sizes of a family
see equally many items (views of one item counted once) in equally many steps. Each size has a seed of its own.

## How good they are

**Skill** is the mean over {judged} attributes (place, season, time, weather, count, arrangement, kind, colour and size of the
main thing, relation, mood, symmetry, kind and colour of the second) of the accuracy of linear probes, between the commonest
value (0) and perfection (1), on the layer that validation chose; {test:,} scenes of the split `test` with a seed that no
study uses, half to learn from, 15 % to choose by, the rest to judge. In brackets the 95 % interval over judged scenes; beside
it the skill of the untrained twin. Captions often leave attributes out and paths know no colour, so skills of different
modalities are not on one scale. **Bits per byte** are those of captions of these scenes, mixed densities, every byte and one
that ends each caption counted. Everything is measured on the weights as stored. Time is the processor's; for
`vit-contrastive-5` and `vit-supervised-5`, trained first, it is that of the clock, pauses included.

"""

_TAIL = """
## Training them again

```console
python zoo/train.py --plan          # renders the data, times a step of each, says what it would cost
python zoo/train.py                 # trains what is not there, two networks at a time; goes on where it was interrupted
python zoo/train.py --only gpt-3    # some of them
python zoo/train.py --judge         # measures capability again, and trains nothing
python zoo/table.py docs/zoo.md     # this page
```

The column of times adds to {minutes:.0f} minutes of one core. Recipes were chosen on loss and skill in short trials; alignment
was not looked at.
"""


def page() -> str:
    """The page, in Markdown."""
    names = tuple(zoo.catalogue())
    cards = [zoo.card(name) for name in names]
    kept = [card for card in cards if card["checkpoints"]]
    size = sum(path.stat().st_size for path in zoo.HOME.glob("*.safetensors")) / 1e6
    image = next(card for card in cards if card["modality"] == "image")
    text = next(card for card in cards if card["modality"] == "text")
    gpt = next(card for card in kept if card["modality"] == "text")

    out = _HEAD.format(
        count=len(cards), size=size, early=gpt["checkpoints"][2]["step"], kept=" and ".join(card["name"] for card in kept),
        pictures=image["data"]["n"], captions=text["data"]["n"], attributes=len(scenes.world().attributes),
        judged=len(image["capability"]["per_attribute"]), test=image["capability"]["n"])
    out += "| network | parameters | steps | loss | bits per byte | skill | untrained | layer | min |\n"
    out += "|---|--:|--:|--:|--:|---|--:|---|--:|\n"
    order = {"image": 0, "text": 1, "audio": 2, "vector": 3}
    for card in sorted(cards, key=lambda card: (order[card["modality"]], card["family"], card["size"])):
        out += _row(card)
    out += "\n## Along training\n\n| network | step | loss | bits per byte | skill |\n|---|--:|--:|--:|---|\n"
    for card in kept:
        points = [*card["checkpoints"], {"step": card["steps"], "loss": card["loss"], **card["capability"]}]
        for point in [{"step": 0, "loss": None, **card["untrained"]}, *points]:
            loss = "" if point["loss"] is None else f"{point['loss']:.3f}"
            out += f"| `{card['name']}` | {point['step']} | {loss} | {_bits(point)} | {_skill(point)} |\n"
    return out + _TAIL.format(minutes=sum(card["seconds"] for card in cards) / 60)


def _row(card: dict) -> str:
    found = card["capability"]
    return (f"| `{card['name']}` | {card['parameters']:,} | {card['steps']} | {card['loss']:.3f} | {_bits(found)} | "
            f"{_skill(found)} | {card['untrained']['skill']:.3f} | {found['layer']} | {card['seconds'] / 60:.1f} |\n")


def _bits(found: dict) -> str:
    return f"{found['bits_per_byte']:.3f}" if "bits_per_byte" in found else ""


def _skill(found: dict) -> str:
    low, high = found["interval"]
    return f"{found['skill']:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    files.write_whole(Path(sys.argv[1]), page().encode())
