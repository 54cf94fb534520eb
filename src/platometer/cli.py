"""The command line: words to functions, and nothing else; whatever it does is one call that a notebook can make too."""

from __future__ import annotations

import errno
import inspect
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO

import typer

from platometer import __version__, plugins
from platometer.errors import DataError, PlatometerError, SpecError, StudyError, counted, suggestion

if TYPE_CHECKING:
    from platometer.features import Features
    from platometer.study import Plan, Results

app = typer.Typer(
    name="platometer", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure how alike neural networks represent the world, and what chance alone would give.",
)
_LISTS = ("metrics", "models", "datasets", "studies", "experiments", "plots", "zoo", "packs")
_INTERRUPTED = 130
_SHOWN = 10  # pairs of a metric on a terminal


class _Said(logging.Handler):
    """Messages on whatever stderr is now: while bars are drawn, they stand above the bars."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


class _Retries(logging.Filter):
    """What the hub's library says of each try, twice, is one line of ours."""

    told = False

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "thrown while requesting" not in text and not text.startswith("Retrying in"):
            return True
        if not self.told:
            self.told = True
            asked = re.search(r"https?://([^/\s]+)", text)
            logging.getLogger("platometer").warning("%s does not answer; it is asked some more times, which takes half a "
                                                    "minute. HF_HUB_OFFLINE=1 asks for nothing.",
                                                    asked[1] if asked else "the hub")
        return False


def main() -> None:
    """Run the command line; errors are one message and exit code 1, with --debug a traceback."""
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    logging.basicConfig(level=logging.WARNING, format="platometer: %(message)s", handlers=[_Said()])
    logging.getLogger("platometer").setLevel(logging.DEBUG if debug else logging.WARNING)
    if not debug:
        logging.getLogger("huggingface_hub.utils._http").addFilter(_Retries())
    try:
        try:
            app(prog_name="platometer")
        finally:
            if sys.stdout is not None:  # as where it was closed before
                sys.stdout.flush()
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # what typer makes of Ctrl-C
            _leave("interrupted.", _INTERRUPTED)
        raise
    except KeyboardInterrupt:
        _leave("interrupted.", _INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has left
        _drop_output()
        sys.exit(0)
    except PlatometerError as error:
        if debug:
            raise
        _leave(str(error), 1)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            _drop_output()
            _leave("The disk is full: not all was written of what was to be printed or kept. Free some space and run again; "
                   "what is done already will not be done twice.", 1)
        _leave(f"{type(error).__name__}: {error}. This is not an error that platometer foresaw; --debug shows where it "
               "happened.", 1)


def _drop_output() -> None:
    """Nothing more is printed, also not what waits to be."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(message: str, code: int) -> NoReturn:
    print(f"platometer: {message}", file=sys.stderr)
    sys.exit(code)


def _version(asked: bool) -> None:
    if asked:
        print(f"platometer {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    pass


@app.command()
def align(
    left: Annotated[Path, typer.Argument(help="Vectors: npy, npz, safetensors, parquet, csv, h5, zarr or pt.")],
    right: Annotated[Path, typer.Argument(help="Vectors of the same samples.")],
    metric: Annotated[str, typer.Option(help="Such as 'cka(estimator=debiased)'; see 'list metrics'.")] = "mutual_knn(k=10)",
    conditioning: Annotated[str, typer.Option(help="unit, none, clamp, platonic-rep(exact), ...")] = "unit",
    draws: Annotated[int, typer.Option(min=0, help="Re-pairings that say what chance gives; 0 for none.")] = 1000,
    null: Annotated[str, typer.Option(help="draws, closed-form, or auto: draws only where the decision is open.")] = "draws",
    seed: Annotated[int, typer.Option(help="Of the re-pairings.")] = 0,
    alpha: Annotated[float, typer.Option(help="Level of the threshold.")] = 0.05,
    summary: Annotated[str, typer.Option(help="max, mean, last or rowmax over the layer grid.")] = "max",
    undefined: Annotated[str, typer.Option(help="Layers without a score (constant features): error or drop.")] = "error",
    left_key: Annotated[str | None, typer.Option(help="One array or group of the left file.")] = None,
    right_key: Annotated[str | None, typer.Option(help="One array or group of the right file.")] = None,
    device: Annotated[str | None, typer.Option(help="Such as cuda.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the grid and the draws.")] = False,
) -> None:
    """Align two files of vectors: every layer with every layer, against chance."""
    from platometer import alignment, vectors

    sides = vectors.matched(_vectors(left, left_key), _vectors(right, right_key))
    with _bar(f"{draws} draws") as progress:
        found = alignment.align(
            sides[0], sides[1], metric, conditioning=conditioning, draws=draws, null=null, seed=seed, alpha=alpha,
            summary=summary, undefined=undefined, device=device, progress=progress,
        )
    if as_json:
        from platometer.study._cells import as_answer

        answer = as_answer(found) | {"fingerprints": list(found.fingerprints), "notes": list(sides[2])}
        print(json.dumps(answer, allow_nan=False))
        return
    print(found)
    for note in sides[2]:
        print(f"  note         {note}")


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A study file, or the name of one that ships ('list studies').")] = "scenes",
    out: Annotated[str | None, typer.Option(help="The run folder, or s3://...; runs/NAME if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done and what it would cost.")] = False,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Let python: and trust_remote_code run code.")] = False,
    engine: Annotated[str | None, typer.Option(help="Where it is done: local, or ray for clusters.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes at once.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a ray cluster: auto or HOST:PORT.")] = None,
    at_most: Annotated[str | None, typer.Option(help="Leave models with more parameters out, such as 3B or 160M.")] = None,
    within: Annotated[str | None, typer.Option(help="Leave models out that need more memory than this, such as 24GB (estimated "
                                                     "from parameters and precision).")] = None,
    absent: Annotated[str, typer.Option(help="Models whose own files are not here: error (told, the others run) or "
                                             "leave-out.")] = "error",
    data: Annotated[str | None, typer.Option(help="Other data of the same form: a path, or a source such as hf:NAME.")] = None,
    capability: Annotated[list[Path] | None, typer.Option(help="A table (csv, jsonl, parquet) with a column 'model' and "
                                                               "numbers, to keep beside the rows.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do everything anew, even what is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Run a study, or go on with one that was interrupted."""
    from platometer.study import Results, Study

    _no_experiment(study)
    asked = Study.read(study)
    asked = asked.limited(at_most) if at_most is not None else asked
    asked = asked.fitting(within) if within is not None else asked
    if absent not in ("error", "leave-out"):
        raise SpecError(f"absent = {absent!r}; expected 'error' or 'leave-out'.")
    asked = asked.present() if absent == "leave-out" else asked
    asked = asked.told_by(*capability) if capability else asked
    asked = asked.on(data) if data is not None else asked
    if dry_run:
        _print_plan(asked.plan(out, allow_code=allow_code, engine=engine, workers=workers, address=address), file=sys.stdout)
        return
    try:
        result = asked.run(out, allow_code=allow_code, engine=engine, workers=workers, address=address, fresh=fresh,
                           failures="keep", announce=lambda plan: _print_plan(plan, file=sys.stderr))
    except KeyboardInterrupt:
        print("platometer: what is finished is kept; the same command goes on from there.", file=sys.stderr)
        raise
    if as_json:
        print(json.dumps(result.rows, allow_nan=False))
    else:
        _print_results(Results.read(result.folder))
        print(f"\npage  {result.page}\nrows  {result.table}\ntime  {result.price}")
    if result.failures:
        sys.stdout.flush()
        _leave(result.told(), 1)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="An experiment ('list experiments'), or all.")],
    quick: Annotated[bool, typer.Option("--quick", help="Smaller numbers: under a minute, no evidence.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything drawn by chance.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The folder, one below it for each of all; runs/experiments/NAME if not "
                                                  "given, NAME-quick of a quick one.")] = None,
    option: Annotated[list[str] | None, typer.Option("--set", help="An option of the experiment, as NAME=VALUE.")] = None,
    no_figure: Annotated[bool, typer.Option("--no-figure", help="Draw nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Test a claim of the hypothesis: rows, a verdict with its numbers, and a figure."""
    from platometer import experiments

    several = name == "all"
    if several and option:
        raise SpecError("--set belongs to one experiment; with 'all' there is none to give it to.")
    outcomes = []
    for each in experiments.names() if several else (name,):
        found = experiments.load(each)
        if not as_json:
            print("\n".join([f"{found.name}: {found.title}", f"  claim     {found.claim}", f"  wrong if  {found.wrong_if}",
                             f"  price     {found.price}"]))
        with _tracked(found.name) as track:
            outcome = experiments.run(each, quick=quick, seed=seed, out=out / found.name if out and several else out,
                                      options=_chosen(option, found.options), track=track,
                                      figure="skip" if no_figure else "draw")
        outcomes.append(outcome)
        if not as_json:
            asked = ", quick: no evidence" if quick else ""
            print(f"  verdict   {outcome.verdict}")
            print(f"  rows      {len(outcome.rows)} in {outcome.folder} ({_duration(outcome.seconds)}{asked})\n", flush=True)
    if as_json:
        print(json.dumps([{"experiment": o.experiment.name, "quick": quick, "seed": seed, "outcome": o.verdict.outcome,
                           "words": o.verdict.words, "numbers": dict(o.verdict.numbers), "folder": str(o.folder)}
                          for o in outcomes], ensure_ascii=False, allow_nan=False))
    elif several:
        _table(["experiment", "verdict", "in words"],
               [[o.experiment.name, o.verdict.outcome, o.verdict.words] for o in outcomes])


@app.command()
def capability(
    model: Annotated[str, typer.Argument(help="A model source such as hf:NAME, or a name for --table.")],
    text: Annotated[list[str] | None, typer.Option(help="Bits per byte of this file or dataset.")] = None,
    labels: Annotated[list[str] | None, typer.Option(help="A probe of this folder, table, npz, hf:NAME or vtab:TASK.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="What this csv, json or harness folder says of the model.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Run this task of lm-evaluation-harness.")] = None,
    probe: Annotated[str, typer.Option(help="ridge, logistic or knn.")] = "ridge",
    limit: Annotated[int | None, typer.Option(min=1, help="Samples drawn of --labels, and of a dataset of texts; all if not "
                                                          "given.")] = None,
    window: Annotated[int | None, typer.Option(help="Tokens of a window; the model's context if not given.")] = None,
    stride: Annotated[int | None, typer.Option(help="Tokens it moves on; half a window if not given.")] = None,
    lossy: Annotated[str, typer.Option(help="A text that its tokens do not give back: error, or allow.")] = "error",
    folder: Annotated[Path | None, typer.Option(help="Where features and probes are kept.")] = None,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Let python: run code.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all details.")] = False,
) -> None:
    """Say how good a model is: at telling a text, by probes of labelled data, by tables from elsewhere."""
    from platometer import capability as measures

    if not (text or labels or table or task):
        raise SpecError("Nothing is asked of the model; give --text, --labels, --table or --task.")
    options = {"allow_code": True} if allow_code and model.startswith("python:") else {}
    found = []
    for source in text or ():
        with _bar(source) as progress:
            found.append(measures.bits_per_byte_of(model, measures.corpus(source, limit=limit), window=window, stride=stride,
                                                   lossy=lossy, options=options, progress=progress))
    for source in labels or ():
        with _bar(source) as progress:
            samples = measures.labelled(source)
            found.append(measures.probe(model, samples.subset(limit) if limit else samples, kind=probe, folder=folder,
                                        options=options, progress=progress))
    for source in table or ():
        joined = measures.join([model], measures.table(source))
        if not joined.found:
            raise DataError(f"{source}: {str(joined).splitlines()[-1].strip()}.")
        found += joined.found
    found += measures.run_harness(model, task) if task else []
    if as_json:
        print(json.dumps([one.as_row() for one in found], ensure_ascii=False, allow_nan=False))
        return
    _table(["model", "what", "value", "95 % interval", "unit", "better", "n", "source"], [[
        one.model, one.what, f"{one.value:.4g}", "" if one.low is None else f"{one.low:.4g} to {one.high:.4g}", one.unit,
        one.better, "" if one.n is None else f"{one.n:,}", one.source] for one in found])


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A run folder, or a folder of features.")],
    every: Annotated[bool, typer.Option("--all", help="Every pair, on a terminal too, and every size of a "
                                                          "gallery.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the verdict, rows and failures of a run, or what a folder of features holds."""
    from platometer import rows, store
    from platometer.study import Results

    if (folder / "manifest.json").exists():
        features = store.open(folder)
        layers = dict(zip(features.names, features.widths, strict=True))
        value = {"model": features.model.as_dict(), "n": features.n, "layers": layers, "samples": features.samples,
                 "pooling": features.pooling, "details": dict(features.details)}
        print(json.dumps(value, indent=None if as_json else 2, ensure_ascii=False))
        return
    if not folder.is_dir():
        raise DataError(f"There is no folder {str(folder)!r}. Runs lie in runs/NAME, unless --out said otherwise.")
    if as_json:
        print(json.dumps(rows.read(folder / "rows.parquet"), allow_nan=False))
        return
    results = Results.read(folder)
    _print_results(results, every=every)
    for failure in results.failures:
        print(f"\nfailed  {failure}")
    if results.price:
        print(f"\ntime  {results.price}")


@app.command()
def trend(
    run: Annotated[str, typer.Argument(help="A run folder, a published folder, or a pack ('list packs').")],
    against: Annotated[str, typer.Option(help="size; a capability of the run; texts or words that models read; a table "
                                              "of models; depth, for profiles of layers; perturbed, for spoiled views; or "
                                              "texts,n or texts,gallery, for a law of both.")] = "size",
    column: Annotated[str, typer.Option(help="Of the table.")] = "",
    metric: Annotated[list[str] | None, typer.Option(help="Only this; may be given several times.")] = None,
    side: Annotated[str, typer.Option(help="Whose capability: left, right, both, or a modality; each in turn if not "
                                           "given.")] = "",
    scale: Annotated[str | None, typer.Option(help="log or linear; log for sizes.")] = None,
    beside: Annotated[list[str] | None, typer.Option(help="Another run or pack; its rows on the same samples are "
                                                            "added.")] = None,
    draws: Annotated[int, typer.Option(min=1, help="Resamples of the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Does alignment rise with size or capability: raw beside calibrated, in families, by which law, and do metrics agree."""
    from platometer.study import Results
    from platometer.trends import plain

    given = [f"--{name}" for name, value in (("column", column), ("side", side), ("scale", scale), ("beside", beside)) if value]
    if given and against in ("depth", "perturbed", "texts,n", "texts,gallery"):
        raise SpecError(f"{', '.join(given)}: not for --against {against}.")
    if against == "depth":
        own = Results.read(run)
        for name in metric or ("",):
            profiles = own.profile(name)
            if not as_json:
                print(f"{own.only([name] if name else [])[0]['metric']}, from the first layer to the last")
            print(json.dumps(plain(profiles), ensure_ascii=False) if as_json else "\n".join(map(str, profiles)))
        return
    if against in ("perturbed", "texts,n", "texts,gallery"):
        for name in metric or ("",):
            own = Results.read(run)
            told = own.perturbed(name, draws=draws, seed=seed) if against == "perturbed" else (
                own.saturation(name, over=against.partition(",")[2], draws=draws, seed=seed),)
            print(json.dumps(plain(told), ensure_ascii=False) if as_json else "\n".join(map(str, told)))
        return
    found = Results.read(run).examine(
        against, column=column, metrics=metric or (), side=side, scale=scale,
        beside=[Results.read(other) for other in beside or ()], draws=draws, seed=seed,
    )
    print(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False) if as_json else found)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A run folder, a published folder, or a pack ('list packs').")],
    second: Annotated[str, typer.Argument(help="Another.")],
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
    every: Annotated[bool, typer.Option("--all", help="Every two families, not the ten that changed most alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every pair.")] = False,
) -> None:
    """Hold two results beside each other: what they share, how far it differs, what changed, and where new models stand."""
    from platometer import study

    found = study.compare(study.Results.read(first), study.Results.read(second), seed=seed)
    told = found.told("every" if every else "largest")
    print(json.dumps(found.as_dict(), ensure_ascii=False, allow_nan=False) if as_json else told)


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[Path, typer.Argument(help="A folder to give away; absent, empty, or published to before.")],
    samples: Annotated[bool, typer.Option("--samples", help="Leave pictures and captions of the data in the page.")] = False,
) -> None:
    """Make a folder of a run's rows, card and page, without the paths of this machine; 'compare' and 'trend' read it."""
    from platometer import study

    print(study.publish(run, out, samples="shown" if samples else "left out"))


@app.command()
def plot(
    name: Annotated[str, typer.Argument(help="A figure ('list plots').")],
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[Path | None, typer.Option(help="The file, .pdf, .svg or .png; NAME.pdf here if not given.")] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    width: Annotated[str, typer.Option(help="column (3.4 inches) or double (7).")] = "column",
    metric: Annotated[str, typer.Option(help="Spec or name, where the run has several.")] = "",
    left: Annotated[str, typer.Option(help="A model, where one pair is shown; the strongest pair if none is named.")] = "",
    right: Annotated[str, typer.Option(help="The other model.")] = "",
    against: Annotated[str, typer.Option(help="For capability and map: size; a capability of the run; texts or words that "
                                              "models read; a table of capabilities.")] = "",
    column: Annotated[str, typer.Option(help="Of the table.")] = "",
    side: Annotated[str, typer.Option(help="For capability, whose: left, right, both, or a modality.")] = "",
) -> None:
    """Draw a figure from a run."""
    from platometer import plots

    found = plots.of_run(name, run, metric=metric, left=left, right=right, against=against, column=column, side=side,
                         theme="dark" if dark else "light", width=width)
    print(plots.write(out or Path(f"{name}.pdf"), found))


@app.command()
def serve(
    runs: Annotated[Path, typer.Argument(help="A folder of run folders, or one of them.")] = Path("runs"),
    host: Annotated[str, typer.Option(help="Where to listen; any but this machine's own demands a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="A free one if 0.")] = 0,
    token: Annotated[str, typer.Option(envvar="PLATOMETER_TOKEN", help="At least 16 characters; made where one is needed and "
                                                                       "none is given.")] = "",
) -> None:
    """Show runs in the browser while they go: progress, pairs, layers, neighbours, rows; nothing can be changed there."""
    from platometer import dashboard

    dashboard.serve(runs, host=host, port=port, token=token, announce=lambda at: print(f"dashboard  {at}", flush=True))


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="metrics, models, datasets, studies, experiments, plots, zoo, packs.",
                                        autocompletion=lambda: _LISTS)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List metrics with their facts, sources of models and datasets with their options, and what ships."""
    if what not in _LISTS:
        raise SpecError(f"There is no list of {what!r}. {suggestion(what, _LISTS)}")
    titles, lines = _listed(what)
    if as_json:
        print(json.dumps([dict(zip(titles, line, strict=True)) for line in lines], ensure_ascii=False))
        return
    _table(titles, lines)


def _no_experiment(study: str) -> None:
    """Nothing, unless what is asked for as a study is an experiment, such as the paper's colours (``prh-colour``)."""
    name = study.removeprefix("prh-")
    if name in plugins.names("platometer.experiments") and not Path(study).exists():
        raise StudyError(f"{study!r} is an experiment, which makes its own data: 'platometer experiment {name}'.")


def _vectors(path: Path, key: str | None) -> Features:
    from platometer import store, vectors

    if (path / "manifest.json").exists():
        features = store.open(path)
        return features if key is None else features.only([key])
    return vectors.read(path, key=key)


def _listed(what: str) -> tuple[list[str], list[list[str]]]:
    if what == "metrics":
        from platometer import metrics

        out = []
        for name in metrics.names():
            metric = metrics.parse(name)
            facts = metric.facts
            low, high = (f"{end:g}" for end in facts.range)
            out.append([str(metric), f"[{low}, {high}]", facts.alike, "yes" if facts.symmetric else "no", facts.scope,
                        " ".join(facts.invariances) or "none", str(facts.least_n), facts.ties, facts.source])
        return ["metric", "range", "alike", "symmetric", "scope", "invariant to", "least n", "ties", "source"], out
    if what == "studies":
        from platometer import study

        return ["study", "question"], [[name, question] for name, question in study.names().items()]
    if what == "packs":
        from platometer import study

        return ["pack", "question"], [[name, question] for name, question in study.packs().items()]
    if what == "zoo":
        from platometer.models import zoo

        return ["zoo", "what"], [[f"zoo:{name}", told] for name, told in zoo.catalogue().items()]
    if what == "experiments":
        from platometer import experiments

        return ["experiment", "claim"], [[name, experiments.load(name).title] for name in experiments.names()]
    if what == "plots":
        from platometer import plots

        return ["plot", "what"], [[name, " ".join((plots.load(name).__doc__ or "").split())] for name in plots.names()]
    import importlib

    from platometer import plugins

    package = f"platometer.{what}"
    importlib.import_module(package)
    noun = {"models": "source", "datasets": "dataset"}[what]
    out = []
    for name in plugins.names(package):
        module = plugins.load(package, name, noun=noun)
        told = " ".join((module.__doc__ or "").split("\n\n")[0].split()).replace("``", "")
        out.append([name, told, _taken(module.load)])
    if what == "models":
        told = "file:PATH: vectors in a file, or one array of it with key; for studies, in place of a model."
        out.append(["file", told, "key"])
    return [noun, "what", "options"], out


def _taken(load: Callable) -> str:
    """The options of a source, and what they are if not given."""
    known = [p for p in inspect.signature(load).parameters.values() if p.kind is not p.VAR_KEYWORD][1:]
    return ", ".join(p.name if p.default in (None, p.empty) else f"{p.name}={p.default}" for p in known)


def _chosen(given: list[str] | None, known: Mapping[str, object]) -> dict[str, object]:
    """NAME=VALUE, each value read as its default is: a number where that is a number."""
    read: dict[str, object] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise SpecError(f"--set {text!r}; expected NAME=VALUE.")
        default = known.get(name)
        try:
            read[name] = type(default)(value) if isinstance(default, int | float) and not isinstance(default, bool) else value
        except ValueError:
            raise SpecError(f"--set {text!r}; expected a number, such as {name}={default}.") from None
    return read


def _print_plan(plan: Plan, *, file: TextIO) -> None:
    most = "at most " if plan.at_most else ""
    listed = ", ".join(plan.to_extract[:8]) + (", ..." if len(plan.to_extract) > 8 else "")
    lines = [
        f"study {plan.study}, folder {plan.folder}",
        f"  samples  {f'{plan.n:,}' if plan.n is not None else 'known once the files are read'}",
        f"  models   {len(plan.extracted)} extracted, {len(plan.to_extract)} to run" + (f": {listed}" if listed else ""),
        f"  pairs    {most}{plan.pairs}, in {most}{counted(plan.cells, 'cell')}; {plan.answered} answered already",
    ]
    lines += [f"  price    {line}" for line in plan.priced()]
    lines += [f"  needs    {plan.needs}"] if plan.needs else []
    lines += [f"  note     {note}" for note in plan.notes]
    print("\n".join(lines), file=file)


def _duration(seconds: float) -> str:
    from platometer.study._meter import duration

    return duration(seconds)


def _print_results(found: Results, *, every: bool = False) -> None:
    """On a terminal the verdicts and the most alike pairs with the profile of their layers; for other programs every row."""
    from rich.console import Console

    if Console().is_terminal:
        _print_verdicts(found, most=len(found.rows) if every else _SHOWN)
    else:
        _print_rows(found.rows)
    if found.galleries:
        print()
        _print_galleries(found, every=every)


def _print_verdicts(found: Results, *, most: int) -> None:
    """For each metric a sentence, and a table of the most alike pairs."""
    from platometer.report import groups, number, sparkline, strength, told

    names = groups(found.rows)
    titles = ["left", "right", "score", "chance", "p (BH)", "calibrated", "left layers", "most alike layers"]
    for name, sentence in zip(dict.fromkeys(names), told(found.rows), strict=True):
        ranked = sorted((row for row, own in zip(found.rows, names, strict=True) if own == name), key=strength, reverse=True)
        print(f"{sentence}\n")
        lines = []
        for row in ranked[:most]:
            layers = found.layers(row)
            known = [value for value in layers if value is not None]
            ends = [row["null_mean"] if row["null_mean"] is not None else min(known, default=0.0), row["score"]]
            lines.append([row["left"], row["right"], number(row["score"]), number(row["null_mean"]), number(row["p_bh"]),
                          number(row["calibrated"]), sparkline(layers, *ends), f"{row['left_layer']} ~ {row['right_layer']}"])
        _table(titles, lines)
        rest, again = len(ranked) - most, shlex.join(["platometer", "show", str(found.folder), "--all"])
        print(f"... and {counted(rest, 'pair')} less alike: {again}\n" if rest > 0 else "")


def _print_rows(rows: list[dict]) -> None:
    from platometer.report import number

    titles = ["left", "right", "metric", "score", "chance", "p", "p (BH)", "calibrated", "layers"]
    ranked = sorted(rows, key=lambda row: (row["metric"], -(row["calibrated"] or 0), -row["score"]))
    _table(titles, [[
        row["left"], row["right"], row["metric"], number(row["score"]), number(row["null_mean"]), number(row["p"]),
        number(row["p_bh"]), number(row["calibrated"]), f"{row['left_layer']} ~ {row['right_layer']}",
    ] for row in ranked])


def _print_galleries(found: Results, *, every: bool) -> None:
    """Every row; or for each k or share the pair most alike in the largest gallery, in the first size and in the last."""
    from platometer.report import number
    from platometer.study import _gallery

    short = every or len(found.galleries) <= _SHOWN
    galleries = list(found.galleries) if short else _gallery.ends(found.galleries, found.rows)
    titles = ["left", "right", "gallery", "k", "share", "score", "chance", "standard error"]
    _table(titles, [[one["left"], one["right"], f"{one['size']:,}", f"{one['k']:,}", number(one["share"]), number(one["score"]),
                     number(one["chance"]), number(one["se"])] for one in galleries])
    if rest := len(found.galleries) - len(galleries):
        again = shlex.join(["platometer", "show", str(found.folder), "--all"])
        print(f"... the most alike pairs in the smallest and the largest gallery; {counted(rest, 'row')} more: {again}")


def _table(titles: list[str], lines: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:  # for other programs: tabs, nothing cut
        print("\t".join(titles))
        for line in lines:
            print("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in line))
        return
    table = Table(*titles, box=None, header_style="bold", pad_edge=False)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console.print(table)


@contextmanager
def _tracked(name: str) -> Iterator[Callable[[int, int, str], None]]:
    """A function (done, total, what): a bar on a terminal, nothing elsewhere."""
    with _bar(name) as advance:
        yield lambda done, total, what: advance(done, total) if advance else None


def _bar(what: str) -> AbstractContextManager:
    """A context that gives a function (done, total): a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.progress import Progress

    class Bar(Progress):
        def __enter__(self):
            super().__enter__()
            task = self.add_task(what, total=None)
            return lambda done, total: self.update(task, completed=done, total=total)

    return Bar(console=Console(stderr=True), transient=True)


if __name__ == "__main__":
    main()
