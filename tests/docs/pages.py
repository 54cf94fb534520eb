"""A page of the documentation, run from its first line to its last as a reader would.

Blocks of a page mean:

``python``
    run, in one namespace for the page. An error of ours ends the block, and its last line is printed.
``console``
    what follows ``$`` is run; what stands under it is what it prints. ``platometer`` runs in this process, by the command's
    own entry point; anything else in a shell.
``{code-block} LANGUAGE`` with ``:caption: NAME``
    a file of that name.
``text``, after ``python``
    what that block printed.

All in one empty folder. In what is shown a line of dots stands for any lines, dots inside one for any letters, and blanks for
blanks; a number may differ by 2 %, or 0.002, as other processors round otherwise. A block under a fold, or one with any other
name, is not run.

``python tests/docs/pages.py PAGE ...`` runs pages and writes what they printed into them.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_HERE = frozenset({"align", "capability", "compare", "experiment", "list", "plot", "publish", "run", "show", "trend"})


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes
    ----------
    kind : its language, or ``file``.
    body : its text; of a file, without its options.
    name : of a file.
    span : where its body stands in the page.
    line : number of its first line.
    """

    kind: str
    body: str
    name: str
    span: tuple[int, int]
    line: int


@dataclass(frozen=True)
class Told:
    """What was printed where the page shows something.

    Attributes
    ----------
    block : that shows it.
    wanted, found : what stands there and what came.
    line : of the page.
    """

    block: Block
    wanted: str
    found: str
    line: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page.

    Parameters
    ----------
    page : its text.
    """
    out = []
    for found in _FENCE.finditer(page):
        kind, body, name = found.group(1).strip(), found.group(2), ""
        if kind.startswith("{code-block}"):
            options, _, rest = body.partition("\n\n")
            named = re.search(r"^:caption: (.+)$", options, re.MULTILINE)
            if named:
                kind, body, name = "file", rest, named.group(1).strip()
        out.append(Block(kind, body, name, found.span(2), page[: found.start()].count("\n") + 2))
    return out


def told(page: str) -> Iterator[Told]:
    """What a page prints, in the folder of the process; each place where it shows something.

    Parameters
    ----------
    page : its text.
    """
    had = set(sys.modules)
    sys.path.insert(0, os.getcwd())  # files of the page can be imported by it
    try:
        yield from _told(blocks(page))
    finally:
        sys.path.remove(os.getcwd())
        for name in set(sys.modules) - had:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(os.getcwd()):
                del sys.modules[name]


def _told(every: list[Block]) -> Iterator[Told]:
    names: dict = {"__name__": "__page__"}
    for i, block in enumerate(every):
        if block.kind == "file":
            Path(block.name).parent.mkdir(parents=True, exist_ok=True)
            Path(block.name).write_text(block.body, encoding="utf-8")
        elif block.kind == "python":
            printed = _python(block, names)
            after = every[i + 1] if i + 1 < len(every) else None
            if after is not None and after.kind == "text":
                yield Told(after, after.body, printed, after.line)
            else:
                assert not printed.strip(), f"line {block.line} prints what the page does not show:\n{printed}"
        elif block.kind == "console":
            for command, wanted, line in _commands(block):
                yield Told(block, wanted, _console(command), line)


def agrees(wanted: str, found: str) -> bool:
    """Whether a text is what a page shows.

    Parameters
    ----------
    wanted : from the page, dots for what may differ.
    found : what was printed.

    Examples
    --------
    >>> agrees("score 0.50\\n...\\nin ... s", "score 0.501\\nmore\\nand more\\nin 3 s")
    True
    >>> agrees("score 0.50", "score 0.6")
    False
    """
    return _lines(_trimmed(wanted), _trimmed(found))


def _trimmed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines() if line.strip()]


def _lines(wanted: list[str], found: list[str]) -> bool:
    if not wanted:
        return not found
    if wanted[0] == "...":
        return any(_lines(wanted[1:], found[i:]) for i in range(len(found) + 1))
    return bool(found) and _line(wanted[0], found[0]) and _lines(wanted[1:], found[1:])


def _line(wanted: str, found: str) -> bool:
    parts = []
    for i, part in enumerate(re.split(r"\.\.\.", wanted)):
        parts += [".*?"] if i else []
        at = 0
        for number in _NUMBER.finditer(part):
            parts += [re.escape(part[at : number.start()]), f"({_NUMBER.pattern})"]
            at = number.end()
        parts.append(re.escape(part[at:]))
    fits = re.fullmatch("".join(parts), found)
    if fits is None:
        return False
    numbers = [number for part in wanted.split("...") for number in _NUMBER.findall(part)]
    return all(_near(a, b) for a, b in zip(numbers, fits.groups(), strict=True))


def _near(a: str, b: str) -> bool:
    x, y = (float(text.replace(",", "").replace("−", "-")) for text in (a, b))
    if all("." not in text and "e" not in text for text in (a, b)):
        return x == y  # a count
    return abs(x - y) <= max(0.02 * abs(x), 0.002)


def _python(block: Block, names: dict) -> str:
    from platometer.errors import PlatometerError

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec(compile("\n" * (block.line - 1) + block.body, "page", "exec"), names)
        except PlatometerError as error:
            print(f"{type(error).__name__}: {error}")
    return out.getvalue()


def _commands(block: Block) -> list[tuple[str, str, int]]:
    """(command, what is shown under it, line) of each."""
    out: list[tuple[str, str, int]] = []
    for i, line in enumerate(block.body.splitlines()):
        if line.startswith("$ "):
            out.append((line[2:], "", block.line + i))
        elif out and out[-1][0].endswith("\\"):
            out[-1] = (out[-1][0][:-1] + line.strip(), "", out[-1][2])
        elif out:
            out[-1] = (out[-1][0], out[-1][1] + line + "\n", out[-1][2])
    return out


def _console(command: str) -> str:
    words = shlex.split(command, comments=True)
    if words[0] != "platometer" or len(words) < 2 or words[1] not in _HERE or set(words) & {"|", ">", "&&"}:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={**os.environ, "PATH": path},
                              check=False)
        return done.stdout + done.stderr
    from platometer import cli

    out, had, handlers = io.StringIO(), sys.argv, list(logging.getLogger().handlers)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
        sys.argv = words
        try:
            cli.main()
        finally:
            sys.argv, logging.getLogger().handlers[:] = had, handlers
    return out.getvalue()


def _rewritten(path: Path) -> str:
    """The page with what it prints now."""
    page = path.read_text(encoding="utf-8")
    new: dict[tuple[int, int], str] = {}
    for one in told(page):
        if agrees(one.wanted, one.found) and one.wanted.strip():
            continue
        shown = "\n".join(line.rstrip() for line in one.found.strip("\n").splitlines()) + "\n" if one.found.strip() else ""
        body = new.get(one.block.span, page[slice(*one.block.span)])
        if one.block.kind == "text":
            new[one.block.span] = shown
        else:
            lines, at = body.splitlines(keepends=True), one.line - one.block.line
            offset = len(lines) - one.block.body.count("\n")
            at += offset
            while lines[at].rstrip().endswith("\\"):
                at += 1
            rest = at + 1 + one.wanted.count("\n")
            new[one.block.span] = "".join([*lines[: at + 1], shown, *lines[rest:]])
    for (start, end), body in sorted(new.items(), reverse=True):
        page = page[:start] + body + page[end:]
    return page


if __name__ == "__main__":
    warnings.simplefilter("error")
    for name in sys.argv[1:]:
        at = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            text = _rewritten(at)
        at.write_text(text, encoding="utf-8")
