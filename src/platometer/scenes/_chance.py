"""Chance of one event's own, so that what is drawn for it depends on its id and a seed, and on no other event."""

from __future__ import annotations

import hashlib

import numpy as np


def of(what: str, event: str, seed: int) -> np.random.Generator:
    """A generator for one view of one event.

    Parameters
    ----------
    what : the view.
    event : its id.
    seed : any integer.
    """
    key = hashlib.blake2b(f"{what} {event} {seed}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(int.from_bytes(key, "little")))
