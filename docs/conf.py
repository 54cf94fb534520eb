"""How the documentation is built: three pages are written from the package itself, so that they cannot differ from it."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx

import platometer
from platometer import experiments, metrics

project = "platometer"
author = "the authors of platometer"
version = release = platometer.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"platometer {version}"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
default_role = "code"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Result"]
suppress_warnings = ["ref.python"]  # words of a docstring that are also names, such as fingerprint

_HERE = Path(__file__).parent / "generated"


def _metrics() -> str:
    """One section a metric: its facts, and its own words."""
    lines = ["# Metrics", "", "Written from the `Facts` of each metric when this page was built; the laws in `tests/laws` hold "
             "every metric to its own. `platometer list metrics` prints the same.", ""]
    for name in metrics.names():
        metric = metrics.parse(name)
        facts = metric.facts
        low, high = (f"{end:g}" for end in facts.range)
        said = inspect.getdoc(type(metric)) or ""
        lines += [
            f"## {name}", "", said.split("\n\n")[0].replace("\n", " ").replace("``", "`"), "",
            f"- spec, with every option at its default: `{metric}`",
            f"- range {low} to {high}; alike spaces score {facts.alike}",
            f"- {'symmetric' if facts.symmetric else 'not symmetric: which side is which is said in its row'}; {facts.scope}",
            f"- blind to: {', '.join(facts.invariances) or 'nothing'}",
            f"- least n: {facts.least_n}",
            f"- ties: {facts.ties}",
            f"- source: {facts.source}", "",
        ]
    return "\n".join(lines)


def _api() -> str:
    """The promised names, in the order of the window; and the public names of every package."""
    lines = ["# Every public name", "", "`import platometer as pm` shows the promised names; what else is public may change "
             "with a version. What begins with an underscore, or is listed nowhere here, is nobody's business.", "",
             "## Promised", ""]
    for name, home in platometer._WINDOW.items():
        thing = getattr(platometer, name)
        if inspect.ismodule(thing):
            told = (inspect.getdoc(thing) or "").split("\n")[0]
            where = f"[below](#{home.replace('.', '-')})" if name in _packages() else "here"
            lines += [f"### {name}", "", f"{told} Its names are {where}.", ""]
            if name not in _packages():
                entries = (_entry(getattr(thing, word), f"{home}.{word}") for word in _public(thing))
                lines += ["```{eval-rst}", *entries, "```", ""]
        else:
            lines += [f"### {name}", "", "```{eval-rst}", _entry(thing, f"{thing.__module__}.{thing.__qualname__}"), "```", ""]
    lines += ["## Packages", ""]
    for name in _packages():
        module = importlib.import_module(f"platometer.{name}")
        lines += [f"### platometer.{name}", "", "```{eval-rst}", f".. automodule:: {module.__name__}", "",
                  *(_entry(getattr(module, word), f"{module.__name__}.{word}") for word in module.__all__), "```", ""]
    return "\n".join(lines)


def _packages() -> list[str]:
    """Packages that say what is public in them, in alphabetical order."""
    found = (m.name for m in pkgutil.iter_modules(platometer.__path__) if m.ispkg and not m.name.startswith("_"))
    return sorted(name for name in found if hasattr(importlib.import_module(f"platometer.{name}"), "__all__"))


def _public(module: ModuleType) -> list[str]:
    """What a module defines itself, without an underscore."""
    return [name for name, thing in vars(module).items()
            if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__]


def _entry(thing: object, path: str) -> str:
    """The directive that shows one name."""
    if inspect.isclass(thing):
        return f".. autoclass:: {path}\n" + ("" if issubclass(thing, Exception) else "   :members:\n")
    if inspect.ismodule(thing):
        return f".. automodule:: {thing.__name__}\n   :noindex:\n"
    if inspect.isroutine(thing):
        return f".. autofunction:: {path}\n"
    value = repr(thing)
    return f".. py:data:: {path}\n   :value: {value if len(value) < 60 else value[:56] + ' ...'}\n"


def _experiments() -> str:
    """One section an experiment: its claim, what would refute it, its price, and what was last seen."""
    lines = ["# Experiments", "", "Each is a file with one claim, and says what would refute it. `platometer experiment NAME` "
             "runs it and leaves rows, a verdict and a figure; `--quick` runs the same code with smaller numbers, in under a "
             "minute, and is no evidence. Written from the experiments themselves when this page was built: *last seen* is the "
             "verdict of the full run that ships. A claim that failed is reported as failed.", "",
             "| experiment | claim | last seen |", "| --- | --- | --- |"]
    found = [experiments.load(name) for name in experiments.names()]
    lines += [f"| [{e.name}](#{e.name}) | {_plain(e.title)} | {_plain(e.last_seen.split(':')[0].split('.')[0])} |"
              for e in found]
    for e in found:
        lines += ["", f"## {e.name}", "", f"**{_plain(e.title)}**", "", f"- claim: {_plain(e.claim)}",
                  f"- wrong if: {_plain(e.wrong_if)}", f"- price: {_plain(e.price)}", f"- last seen: {_plain(e.last_seen)}"]
        lines += [f"- option `--set {name}={value}`" for name, value in e.options.items()]
        if (_HERE.parent / "images" / "experiments" / f"{e.name}.png").exists():
            lines += ["", f"![The figure of that run: {_plain(e.title)}](../images/experiments/{e.name}.png)"]
    return "\n".join([*lines, ""])


def _plain(text: str) -> str:
    """Text for a page: code as code, no cell or tag ended by accident."""
    return text.replace("``", "`").replace("|", "\\|").replace("<", "&lt;")


def _described(app: object, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Parameters as we write them, ``name : what it is``, for a reader of docstrings who expects a type there; what is returned
    as a text of its own."""
    section, out = "", []
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and lines[i + 1].startswith("---"):
            section = line
        found = re.match(r"(\*{0,2}\w[\w, *]*) : (.*)", line)
        if section in ("Parameters", "Attributes") and found:
            out += [found.group(1), f"    {found.group(2)}"]
        else:
            out.append("Result" if line == section == "Returns" else line)
    lines[:] = out


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", _described, priority=400)
    _HERE.mkdir(exist_ok=True)
    for name, text in {"metrics.md": _metrics(), "api.md": _api(), "experiments.md": _experiments()}.items():
        path = _HERE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
