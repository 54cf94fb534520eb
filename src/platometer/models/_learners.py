"""Two small networks and how they learn from one modality alone: a convolutional one from pictures, a transformer from words.

Both learn without labels, on the CPU, in one thread and with generators of their own, so that the weights depend on seed,
data and steps, on the versions of torch and the kind of processor, and on nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional as F

from platometer import threads

SIDE = 32  # pixels of a picture
CONTEXT = 64  # words of a text
PAD, START, UNKNOWN = 0, 1, 2  # ids before the words'


class Stage(nn.Module):
    """A convolution that halves the resolution.

    Parameters
    ----------
    before, width : channels in and out.
    """

    def __init__(self, before: int, width: int):
        super().__init__()
        self.conv = nn.Conv2d(before, width, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(4, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(self.norm(self.conv(x)))


class Dense(nn.Module):
    """The last map as one vector, places kept.

    Parameters
    ----------
    before : numbers in the map.
    width : of the vector.
    """

    def __init__(self, before: int, width: int):
        super().__init__()
        self.linear = nn.Linear(before, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(self.linear(x.flatten(1)))


class Convolutional(nn.Module):
    """Pictures (B, 3, 32, 32) in [-1, 1] -> (B, 4 width), through three stages and a dense block.

    Parameters
    ----------
    width : channels of the first stage, a multiple of 8.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = 4 * width
        self.blocks: nn.Sequential = nn.Sequential(
            Stage(3, width), Stage(width, 2 * width), Stage(2 * width, 4 * width),
            Dense(4 * width * (SIDE // 8) ** 2, 4 * width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x.contiguous(memory_format=torch.channels_last))


class Embedding(nn.Module):
    """Words and their places.

    Parameters
    ----------
    words : size of the vocabulary.
    width : of a vector.
    """

    def __init__(self, words: int, width: int):
        super().__init__()
        self.word, self.place = nn.Embedding(words, width), nn.Embedding(CONTEXT, width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.word(ids) + self.place(torch.arange(ids.shape[1], device=ids.device))


class Block(nn.Module):
    """Causal attention and a two-layer network, each added to what came in.

    Parameters
    ----------
    width : of a vector.
    heads : of the attention.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.attend(self.before(x)).chunk(3, dim=2))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.join(seen)
        return x + self.narrow(F.gelu(self.wide(self.between(x))))


class Causal(nn.Module):
    """Ids of words (B, T) -> scores of the next word (B, T, words).

    Texts are padded on the right; what comes later is never seen, so padding changes nothing before it.

    Parameters
    ----------
    words : size of the vocabulary.
    width : of a vector, a multiple of 8.
    depth : number of blocks.
    """

    def __init__(self, words: int, width: int, depth: int):
        super().__init__()
        self.embed = Embedding(words, width)
        self.blocks: nn.Sequential = nn.Sequential(*(Block(width, heads=4) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return F.linear(self.norm(self.blocks(self.embed(ids))), self.embed.word.weight)


def convolutional(width: int, *, seed: int) -> Convolutional:
    """An untrained network of this width.

    Parameters
    ----------
    width : see `Convolutional`.
    seed : of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Convolutional(width).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def causal(words: int, width: int, depth: int, *, seed: int) -> Causal:
    """An untrained network of this size.

    Parameters
    ----------
    words, width, depth : see `Causal`.
    seed : of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Causal(words, width, depth)
        for weights in network.embed.parameters():
            nn.init.normal_(weights, std=0.05)
        return network.eval()


def see(network: Convolutional, pictures: torch.Tensor, *, steps: int, seed: int, batch: int = 128) -> None:
    """Teach a network to tell pictures apart, whatever their light and wherever they were shifted to (InfoNCE).

    Parameters
    ----------
    network : trained in place.
    pictures : (n, 3, 32, 32) in [-1, 1].
    steps : batches.
    seed : of batches and changes.
    batch : pictures of a batch, each seen twice.
    """
    with _alone():
        chance = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = nn.Sequential(nn.Linear(network.width, network.width), nn.GELU(), nn.Linear(network.width, 64))
        rows = _batches(len(pictures), batch, chance)

        def loss() -> torch.Tensor:
            chosen = pictures[next(rows)]
            z = F.normalize(head(network(torch.cat([_changed(chosen, chance), _changed(chosen, chance)]))), dim=1)
            alike = (z @ z.T / 0.1).fill_diagonal_(-torch.inf)
            return F.cross_entropy(alike, torch.arange(len(z)).roll(len(chosen)))

        _descend([network, head], loss, steps, rate=2e-3)


def read(network: Causal, texts: torch.Tensor, *, steps: int, seed: int, batch: int = 128) -> None:
    """Teach a network the next word.

    Parameters
    ----------
    network : trained in place.
    texts : ids of words (n, T), padded on the right.
    steps : batches.
    seed : of batches.
    batch : texts of a batch.
    """
    with _alone():
        rows = _batches(len(texts), batch, torch.Generator().manual_seed(seed))

        def loss() -> torch.Tensor:
            ids = texts[next(rows)]
            ids = ids[:, : int((ids != PAD).sum(1).max())]
            return F.cross_entropy(network(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), ignore_index=PAD)

        _descend([network], loss, steps, rate=4e-3)


def _descend(modules: Sequence[nn.Module], loss: Callable[[], torch.Tensor], steps: int, *, rate: float) -> None:
    """AdamW, the rate rising over a tenth of the steps and then falling along a cosine."""
    weights = [p for module in modules for p in module.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01, foreach=True)
    for module in modules:
        module.train()
    for step in range(steps):
        done, rise = step / steps, min(1.0, (step + 1) / max(1, steps // 10))
        for group in optimiser.param_groups:
            group["lr"] = rate * rise * (0.5 + 0.5 * math.cos(math.pi * done))
        optimiser.zero_grad()
        loss().backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
    for module in modules:
        module.eval()


def _changed(pictures: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """The same scenes by another light, mirrored or not, shifted by up to four pixels, with new noise."""
    n = len(pictures)
    dx, dy = torch.randint(0, 9, (2, n), generator=chance)
    padded = F.pad(pictures, (4, 4, 4, 4), mode="replicate")
    across, down = torch.arange(SIDE)[None] + dx[:, None], torch.arange(SIDE)[None] + dy[:, None]
    across = torch.where(torch.rand(n, 1, generator=chance) < 0.5, across.flip(1), across)
    moved = padded[torch.arange(n)[:, None, None], :, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2)
    light = 1 + 0.3 * (torch.rand(n, 1, 1, 1, generator=chance) - 0.5)
    return moved * light + 0.1 * torch.randn(moved.shape, generator=chance)


def _batches(n: int, batch: int, chance: torch.Generator) -> Iterator[torch.Tensor]:
    """Rows of one batch after another, each row once a round."""
    batch = min(batch, n)
    while True:
        order = torch.randperm(n, generator=chance)
        yield from order[: n - n % batch].split(batch)


@contextmanager
def _alone() -> Iterator[None]:
    """One thread, gradients on, and the processor's rounding the same each time."""
    strict, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        with threads.alone(), torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warned)
