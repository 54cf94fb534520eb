"""The studies that ship: each reads, says what it needs, and its own plan runs on tiny models in the place of its own.

What is swapped for a run is weights, sizes and data: language models are folders of the same classes (BLOOM, LLaMA, GPT-2,
BERT) built from configurations; vision models go through timm by their exact names, shrunk on the way. Everything else is read
from the file that ships. To keep the price small, a run takes two models of each family; the whole plan is only planned.
"""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from platometer.errors import StudyError
from platometer.models import _torchvision_shim
from platometer.study import Results, Study, names
from platometer.study._capability import _of_language
from platometer.study._file import SHIPPED

_PATH = Path(__file__).parents[1] / "models" / "tiny.py"
_FOUND = importlib.util.spec_from_file_location("tiny_models_for_studies", _PATH)
tiny = importlib.util.module_from_spec(_FOUND)
_FOUND.loader.exec_module(tiny)

PAPER = ("prh-vision", "prh-wit", "prh-skills", "prh-density", "prh-metrics", "cave-gallery", "aristotelian",
         "objectives-consistency", "small")
N, DRAWS, SIDE = 24, 9, 56


def shipped(name: str) -> dict:
    return tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))


# ---- what they say


@pytest.mark.parametrize("name", sorted(names()))
def test_a_study_asks_a_question_and_says_what_it_needs(name: str) -> None:
    file = Study.read(name).file
    assert file.name == name
    assert "?" in file.question
    assert file.needs
    if name in PAPER:
        assert all(word in file.needs for word in ("GB", "estimated, not measured"))
        assert all(table.parameters and table.family for table in file.models)


@pytest.mark.parametrize("name", PAPER)
def test_a_smaller_machine_takes_the_smaller_models(name: str) -> None:
    study = Study.read(name)
    small = study.limited("3B")
    assert set(small.left_out) | {table.name for table in small.models()} == {table.name for table in study.models()}
    assert all(table.parameters <= 3e9 for table in small.models())
    assert small.at_most == 3e9


def test_the_numbers_of_the_papers_models_are_theirs() -> None:
    count = {name: len(Study.read(name).models()) for name in PAPER}
    assert count == {"prh-vision": 29, "prh-wit": 29, "prh-skills": 24, "prh-density": 44, "prh-metrics": 29, "cave-gallery": 4,
                     "aristotelian": 29, "objectives-consistency": 19, "small": 14}


def test_every_vision_model_has_published_weights_in_timm() -> None:
    if _torchvision_shim.ready() == "absent":
        pytest.skip("needs torchvision")
    timm = pytest.importorskip("timm")
    sources = {table.source.partition(":")[2] for name in PAPER for table in Study.read(name).models()
               if table.source.startswith("timm:") and table.options.get("pretrained", True)}
    assert [name for name in sorted(sources) if not timm.is_model_pretrained(name)] == []


# ---- their plans, on tiny models


def _kind(source: str) -> str:
    return next((kind for word, kind in (("bloom", "bloom"), ("bert", "bert"), ("pythia", "gpt2"), ("gpt2", "gpt2"))
                 if word in source), "llama")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Source of a language model -> folder with a tiny one of its class that can tell the next token, made once."""
    made: dict[str, str] = {}
    home = tmp_path_factory.mktemp("language")

    def folder(source: str) -> str:
        kind = _kind(source)
        if source not in made:
            place = home / source.rpartition("/")[2]
            tiny.save("bert" if kind == "bert" else kind, place)
            if kind != "bert":
                _with_head(kind, place, len(made))
            made[source] = f"hf:{place}"
        return made[source]

    return folder


def _with_head(kind: str, place: Path, seed: int) -> None:
    import transformers
    from tokenizers import decoders

    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    tokenizer.backend_tokenizer.decoder = decoders.ByteLevel()  # its texts can be had back from its tokens
    tokenizer.save_pretrained(place)
    config = transformers.AutoConfig.from_pretrained(place)
    if kind != "gpt2":
        config.hidden_size = 16 + 8 * (seed % 4)  # of differing widths
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.AutoModelForCausalLM.from_config(config).save_pretrained(place)


@pytest.fixture
def shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """timm gives every network of these studies a few narrow blocks, small pictures and random weights."""
    if _torchvision_shim.ready() == "absent":
        pytest.skip("needs torchvision")
    timm = pytest.importorskip("timm")
    real = timm.create_model

    def create(name: str, *, pretrained: bool, num_classes: int) -> torch.nn.Module:
        small = {"img_size": SIDE, "embed_dim": 32, "depth": 2, "num_heads": 4}
        if "convnext" in name:
            small = {"depths": (1, 1, 1, 1), "dims": (8, 16, 16, 32)}
        if "resnet" in name:
            small = {"layers": (1, 1, 1, 1), "channels": (8, 16, 16, 32)}
        network = real(name, pretrained=False, num_classes=num_classes, **small)
        network.pretrained_cfg = dict(network.pretrained_cfg) | {"input_size": (3, SIDE, SIDE)}
        return network

    monkeypatch.setattr(timm, "create_model", create)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures with four captions each, a corpus, labelled pictures and a table of results."""
    home = tmp_path_factory.mktemp("data")
    (home / "pictures").mkdir()
    rng = np.random.default_rng(0)
    lines = ["image," + ",".join(f"caption_{i}" for i in range(4))]
    for i in range(N):
        Image.fromarray(rng.integers(0, 256, (40, 30 + i, 3), dtype=np.uint8)).save(home / "pictures" / f"{i:02d}.png")
        words = tiny.TEXTS[i % len(tiny.TEXTS)].split() * 14
        lines.append(f"{i:02d}.png," + ",".join(" ".join([f"no {i}", *words[:count]]) for count in (3, 6, 10, 14)))
    (home / "pictures" / "captions.csv").write_text("\n".join(lines) + "\n")
    (home / "corpus.csv").write_text("text\n" + "".join(f"{text} and {i}\n" for i, text in enumerate(tiny.TEXTS * 2)))
    labels = np.arange(40) % 2
    images = (rng.integers(0, 120, (40, 32, 32, 3)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(home / "labelled.npz", images=images, labels=labels)
    return home


@pytest.fixture
def small(folders: Callable[[str], str], place: Path, shrunk: None) -> Callable[..., Study]:
    """The study of a name, with a few of its models tiny, on this data."""

    def make(name: str, *, families: int = 2, each: int = 2) -> Study:
        values = shipped(name)
        data = values["data"]
        values["data"] = {"source": "folder", "path": str(place / "pictures"), "duplicates": "say",
                          "captions": data.get("captions", "first")}
        values["compute"] = {"device": "cpu"}
        values["align"]["draws"] = min(values["align"]["draws"], DRAWS)
        kept: dict[tuple, int] = {}
        models = []
        for table in values["models"]:
            key = (table["source"].partition(":")[0], table["family"])
            if kept.get(key, 0) >= each or sum(one[0] == key[0] for one in kept if one != key) >= families:
                continue
            kept[key] = kept.get(key, 0) + 1
            models.append(dict(table))
        for table in models:
            table.pop("device_map", None)
            if table["source"].startswith("hf:"):
                table["name"] = table.get("name", table["source"].rpartition("/")[2])
                table |= {"source": folders(table["source"]), "dtype": "float32"}
        return Study.of(values | {"models": models}, base=place)

    return make


def _run(study: Study, out: Path) -> tuple:
    result = study.run(out, progress=lambda what, done, total: None)
    return result, Results.read(out)


def _with(study: Study, **tables: dict) -> Study:
    values = study.file.model_dump(exclude_none=True) | tables
    values["models"] = [table.model_dump(exclude_none=True) for table in study.file.models]
    return Study.of(values, base=study.base)


def test_skills_are_joined_from_a_table_and_a_late_rise_is_tested(small: Callable, place: Path, tmp_path: Path) -> None:
    study = small("prh-skills", families=4, each=2)
    notes = study.plan(tmp_path / "o").notes
    assert any("--capability TABLE with the columns model, hellaswag, gsm8k" in note for note in notes)
    table = place / "skills.csv"
    table.write_text("model,hellaswag,gsm8k,other\n" + "".join(
        f"{one.name},{40 + 3 * i},{max(0, i - 3)},9\n" for i, one in enumerate(study.models()) if "hf:" in one.source))
    result, found = _run(study.told_by(table), tmp_path / "out")
    assert not result.failures
    assert {one.what for one in found.capability} == {"hellaswag", "gsm8k"}
    told = found.examine("gsm8k", draws=100)
    assert [part.trend.side for part in told.parts] == ["text"]
    assert told.parts[0].trend.against == "gsm8k"
    assert told.parts[0].notes == ("units: DINOv2 alone on the right, so its 2 models are taken for independent",)
    assert "score" in told.parts[0].late
    assert told.parts[0].within["score"].slopes is not None


def test_vision_models_are_probed_and_every_one_is_compared_with_every_other(small: Callable, tmp_path: Path) -> None:
    study = small("prh-vision")
    assert study.file.capability.probes == ["vtab"]
    study = _with(study, capability={"probes": ["labelled.npz"]})
    notes = " ".join(study.plan(tmp_path / "o").notes)
    assert "resnet50 dead_leaves-mixed will fail: its weights are not at" in notes
    assert "Have it from http://data" in notes
    study = study.present()
    assert study.left_out == ("resnet50 dead_leaves-mixed", "resnet50 feature_vis-dead_leaves", "resnet50 moco_v2")
    result, found = _run(study, tmp_path / "out")
    count = len(study.models())
    assert not result.failures
    assert len(result.rows) == count * (count - 1) // 2
    assert {one.model for one in found.capability} == {table.name for table in study.models()}
    asked, called = found.known("accuracy")
    assert called.startswith("accuracy on ")
    assert all(0 <= value <= 1 for value in asked.values())


def test_captions_of_four_lengths_are_read_by_each_model(small: Callable, tmp_path: Path) -> None:
    result, found = _run(small("prh-density", families=1, each=8), tmp_path / "out")
    assert not result.failures
    words, called = found.known("words")
    assert called == "words read"
    assert sorted(set(words.values())) == [5.0, 8.0, 12.0, 16.0]
    assert found.examine("words", draws=100).parts[0].trend.side == "text"


def test_metrics_and_sizes_are_asked_of_the_same_pairs(small: Callable, tmp_path: Path) -> None:
    study = small("prh-metrics", families=1, each=4)
    assert len(study.file.align.metrics) == 20
    assert study.file.align.sizes == [128, 256, 512, 1024]
    kept = [spec for spec in study.file.align.metrics if "k=" not in spec or "k=5)" in spec]
    study = _with(study, align=study.file.align.model_dump(exclude_none=True) | {"sizes": [16, N], "metrics": kept})
    result, found = _run(study, tmp_path / "out")
    assert not result.failures
    sideless = [row for row in result.rows if row["n"] == N]
    assert len(result.rows) == 2 * len(sideless)
    told = found.examine(draws=50)
    assert told.agreement is not None, told.notes
    assert told.agreement.pairs == 16
    assert len(told.agreement.names) == 2 * len(kept)


def test_galleries_grow_around_fixed_queries(small: Callable, tmp_path: Path) -> None:
    study = small("cave-gallery")
    assert study.file.gallery.queries == 1024
    study = _with(study, gallery={"queries": 8, "sizes": [8, 16, N], "k": [1, 3], "share": [0.25]},
                  align=study.file.align.model_dump(exclude_none=True) | {"sizes": [16], "metrics": ["mutual_knn(k=3)"]})
    result, found = _run(study, tmp_path / "out")
    assert not result.failures
    assert len(result.galleries) == len(result.rows) * 3 * 3
    assert list(result.galleries) == list(found.galleries)
    assert {(one["size"], one["k"]) for one in result.galleries if one["share"]} == {(8, 2), (16, 4), (N, 6)}


def test_calibrated_trends_stand_beside_raw_ones(small: Callable, tmp_path: Path) -> None:
    study = small("aristotelian")
    assert study.file.align.draws == DRAWS
    study = _with(study, capability={"text": "corpus.csv"}, align=study.file.align.model_dump(exclude_none=True) | {
        "metrics": ["cka", "mutual_knn(k=3)"]})
    result, found = _run(study, tmp_path / "out")
    assert not result.failures
    assert len(found.capability) == 4
    told = found.examine("bits per byte", draws=100)
    assert {part.trend.against for part in told.parts} == {f"minus {found.capability[0].what}"}
    assert all(part.trend.raw is not None for part in told.parts)


def test_consistency_across_datasets_is_told_by_objective(small: Callable, place: Path, tmp_path: Path) -> None:
    study = small("objectives-consistency", families=3, each=3)
    study = _with(study, align=study.file.align.model_dump(exclude_none=True) | {"metrics": ["cka"]})
    one, first = _run(study, tmp_path / "one")
    assert not one.failures
    assert {row["summary"] for row in one.rows} == {"last"}
    assert set(first.families.values()) == {"supervised", "self-supervised", "image-text"}


def test_the_smallest_study_runs_and_models_that_only_fill_gaps_have_no_bits(small: Callable, tmp_path: Path) -> None:
    study = _with(small("small"), capability={"text": "corpus.csv"},
                  align={"metrics": ["mutual_knn(k=3)"], "draws": DRAWS, "pairs": "cross"})
    result, found = _run(study, tmp_path / "out")
    assert not result.failures
    assert {one.model.partition("-")[0] for one in found.capability} == {"pythia"}
    assert {row["left_modality"] for row in result.rows} == {"text"}


def test_a_large_model_tells_its_tokens_from_where_it_runs() -> None:
    given = {"pooling": "mean", "dtype": "bfloat16", "device_map": "auto", "quantise": "8bit", "device": "cpu"}
    assert _of_language("hf:huggyllama/llama-65b", given) == {
        "dtype": "bfloat16", "device_map": "auto", "quantise": "8bit", "device": "cpu"}


def test_no_pairs_are_left_if_too_many_models_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="0 of its models have at most 1M parameters, and a study compares two"):
        Study.read("small").limited("1M")
