"""Cards: where a thing came from, so that every number can be traced; and the fingerprints that name content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from types import MappingProxyType


@dataclass(frozen=True)
class Card:
    """Where a model, a dataset or a set of features came from.

    Parameters
    ----------
    name : what it is called in tables and figures.
    source : spec of the source, such as ``"timm:vit_tiny_patch16_224"`` or a path.
    revision : version of the content: a commit, a release, or a hash of the files. Empty if it has none.
    licence : as stated by the source; empty if it states none.
    citation : how the source asks to be cited; empty if it does not ask.
    parameters : number of parameters of a model, counted; None for what is not a model.
    details : anything else worth knowing; JSON values only.
    """

    name: str
    source: str = ""
    revision: str = ""
    licence: str = ""
    citation: str = ""
    parameters: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "details", MappingProxyType(json.loads(json.dumps(dict(self.details)))))

    def as_dict(self) -> dict[str, object]:
        """The card as JSON values."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)} | {"details": dict(self.details)}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Card:
        """The card that `as_dict` wrote.

        Parameters
        ----------
        values : the fields of a card; unknown fields are an error.
        """
        return cls(**values)  # type: ignore[arg-type]


def fingerprint(*parts: object) -> str:
    """A short name that differs whenever the content does: 128 bits of SHA-256, as 32 hexadecimal digits.

    Parameters
    ----------
    parts : bytes, or anything JSON can hold; mappings count by content, not by order.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    >>> fingerprint("ab", "c") == fingerprint("a", "bc")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        data = bytes(part) if isinstance(part, bytes | bytearray | memoryview) else _canonical(part)
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:32]


def digest(content: bytes | memoryview) -> str:
    """A short name of many bytes, at the speed of memory: XXH3 in 128 bits, as 32 hexadecimal digits.

    It tells apart what differs by accident; it is no defence against somebody who makes two contents alike on purpose.

    Parameters
    ----------
    content : a contiguous buffer.
    """
    import xxhash

    return xxhash.xxh3_128_hexdigest(content)


def _canonical(part: object) -> bytes:
    return json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


@cache
def versions() -> Mapping[str, str]:
    """The versions that a number may depend on: platometer, Python and the numerical libraries."""
    found = {"python": platform.python_version()}
    for library in ("platometer", "numpy", "torch", "scipy", "transformers", "timm", "sentence-transformers"):
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return MappingProxyType(found)
