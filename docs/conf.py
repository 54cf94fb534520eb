"""How the documentation is built: three pages are written from the package itself, so that they cannot differ from it."""

import inspect
from pathlib import Path

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
default_role = "code"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_use_ivar = True
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
    """The promised names, in the order of the window."""
    lines = ["# The promised names", "",
             "`import platometer as pm` shows these; whatever else can be imported is not promised.", ""]
    for name, home in platometer._WINDOW.items():
        thing = getattr(platometer, name)
        lines += [f"## {name}", "", "```{eval-rst}"]
        if inspect.ismodule(thing):
            lines += [f".. automodule:: {home}"]
            public = [word for word in getattr(thing, "__all__", ()) if inspect.isfunction(getattr(thing, word))]
            lines += [f".. autofunction:: {home}.{word}" for word in public if word not in platometer._WINDOW]
        elif inspect.isclass(thing):
            lines += [f".. autoclass:: {thing.__module__}.{thing.__qualname__}"]
            lines += [] if issubclass(thing, Exception) else ["   :members:"]
        else:
            lines += [f".. autofunction:: {thing.__module__}.{thing.__qualname__}"]
        lines += ["```", ""]
    return "\n".join(lines)


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


def setup(app: object) -> None:
    _HERE.mkdir(exist_ok=True)
    for name, text in {"metrics.md": _metrics(), "api.md": _api(), "experiments.md": _experiments()}.items():
        path = _HERE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
