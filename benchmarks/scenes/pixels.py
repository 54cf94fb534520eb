"""How much plain pixels of scenes give away, how long a picture takes, and the sheet of docs/scenes.md.

Run ``python benchmarks/scenes/pixels.py`` (half a minute; ``--sheet PATH`` writes the sheet as well). A ridge classifier sees
pictures of 48 x 48 shrunk to 16 x 16: 2,000 to learn from, its penalty chosen on the last 500 of them, 1,000 to judge by.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from PIL import Image
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from platometer import scenes

ASKED = ("place", "season", "time", "weather", "count", "arrangement", "kind", "colour", "size", "relation", "mood", "symmetry",
         "kind_2", "colour_2")


def given_away(events: scenes.Events, pictures: np.ndarray, attribute: str) -> tuple[float, float]:
    """Accuracy on the last 1,000, and that of the most frequent value; where the thing is absent is left out."""
    small = np.stack([np.asarray(Image.fromarray(p).resize((16, 16), Image.Resampling.BOX)).ravel() for p in pictures])
    x = StandardScaler().fit(small[:2000]).transform(small)
    y = events.column(attribute)
    values = events.attributes[attribute]
    there = y != values.index("none") if "none" in values else np.ones(len(y), dtype=bool)
    learn, judge = np.flatnonzero(there[:2000]), 2000 + np.flatnonzero(there[2000:])
    fit, choose = learn[:-500], learn[-500:]
    penalty = max((1e2, 1e3, 1e4, 1e5), key=lambda a: RidgeClassifier(alpha=a).fit(x[fit], y[fit]).score(x[choose], y[choose]))
    most = np.bincount(y[learn]).argmax()
    return RidgeClassifier(alpha=penalty).fit(x[learn], y[learn]).score(x[judge], y[judge]), float((y[judge] == most).mean())


def range_of_scenes() -> scenes.Events:
    """The first test scene of each time and place: a row for each time, a column for each place."""
    events = scenes.world().sample(3000)
    place, hour = events.column("place"), events.column("time")
    return events.take([np.flatnonzero((hour == t) & (place == p))[0] for t in range(4) for p in range(8)])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sheet", help="write the sheet here")
    where = parser.parse_args().sheet
    events = scenes.world().sample(3000, split="pictures", seed=7)
    start = time.process_time()
    pictures = scenes.pictures(events)
    print(f"{(time.process_time() - start) / 3:.2f} ms a picture, of one core\n")
    print("| attribute | linear on pixels | chance |\n|---|---|---|")
    for attribute in ASKED:
        print("| {} | {:.2f} | {:.2f} |".format(attribute, *given_away(events, pictures, attribute)))
    if where:
        scenes.sheet(range_of_scenes(), side=144).quantize(256).save(where, optimize=True)


if __name__ == "__main__":
    main()
