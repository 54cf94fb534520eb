"""Small networks of a user's own and what they are run on, for the jobs of extraction and of a whole study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

CONTEXT = 64  # characters


class Reader(nn.Module):
    """A causal transformer over bytes.

    Parameters
    ----------
    width, depth : of the residual stream, in blocks.
    """

    def __init__(self, width: int, depth: int):
        super().__init__()
        self.embed, self.place = nn.Embedding(256, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, width // 32, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(depth)
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids) + self.place(torch.arange(ids.shape[1]))
        causal = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
        for block in self.blocks:
            x = block(x, src_mask=causal)
        return x


def module(width: int, depth: int) -> Reader:
    """A reader with weights from a seed.

    Parameters
    ----------
    width, depth : as of `Reader`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(width)
        return Reader(width, depth).eval()


def tokens(items: Sequence[str]) -> torch.Tensor:
    """(B, CONTEXT) bytes.

    Parameters
    ----------
    items : texts of `lines`.
    """
    return torch.tensor([list(item.encode("ascii")) for item in items])


def reader(width: int = 256, depth: int = 6):
    """The same as a model of platometer's.

    Parameters
    ----------
    width, depth : as of `Reader`.
    """
    from platometer.models import wrap

    return wrap(module(width, depth), modality="text", name=f"reader_{width}", prepare=tokens, pooling="mean")


def lines(n: int) -> list[str]:
    """Distinct texts of CONTEXT characters.

    Parameters
    ----------
    n : how many.
    """
    rng = np.random.default_rng(2)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz     ", np.uint8)
    body = letters[rng.integers(0, len(letters), (n, CONTEXT - 8))]
    return [f"{i:07d} {bytes(row).decode('ascii')}"[: CONTEXT - 1] + "." for i, row in enumerate(body)]


def pictures(n: int) -> list:
    """Pictures of 256 x 224 pixels, in RGB.

    Parameters
    ----------
    n : how many.
    """
    from PIL import Image

    rng = np.random.default_rng(4)
    return [Image.fromarray(rng.integers(0, 255, (14, 16, 3), np.uint8)).resize((256, 224)) for _ in range(n)]
