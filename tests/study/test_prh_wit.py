"""The paper's own study: its file names the paper's models, and its exact plan runs on tiny models of the same classes.

What is swapped for the run is weights and sizes: language models are folders of the same classes (BLOOM, LLaMA) built from
configurations; vision transformers go through timm by their exact names, shrunk on the way; the data has the columns of
minhuh/prh. Everything else is read from the file that ships.
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

from platometer import models
from platometer.models import _torchvision_shim
from platometer.study import Study
from platometer.study._file import SHIPPED

_PATH = Path(__file__).parents[1] / "models" / "tiny.py"
_FOUND = importlib.util.spec_from_file_location("tiny_models_for_prh", _PATH)
tiny = importlib.util.module_from_spec(_FOUND)
_FOUND.loader.exec_module(tiny)

LANGUAGE = [
    *(f"hf:bigscience/bloomz-{size}" for size in ("560m", "1b1", "1b7", "3b", "7b1")),
    *(f"hf:openlm-research/open_llama_{size}" for size in ("3b", "7b", "13b")),
    *(f"hf:huggyllama/llama-{size}" for size in ("7b", "13b", "30b", "65b")),
]
VISION = [
    *(f"timm:vit_{size}_patch16_224.augreg_in21k" for size in ("tiny", "small", "base", "large")),
    "timm:vit_base_patch16_224.mae", "timm:vit_large_patch16_224.mae", "timm:vit_huge_patch14_224.mae",
    *(f"timm:vit_{size}_patch14_dinov2.lvd142m" for size in ("small", "base", "large", "giant")),
    *(f"timm:vit_{size}_clip_224.{tag}" for tag in ("laion2b", "laion2b_ft_in12k")
      for size in ("base_patch16", "large_patch14", "huge_patch14")),
]
N, DRAWS, SIDE, DEPTH = 24, 19, 56, 2


def shipped() -> dict:
    return tomllib.loads((SHIPPED / "prh-wit.toml").read_text(encoding="utf-8"))


def test_the_file_names_the_models_of_the_paper() -> None:
    study = Study.read("prh-wit")
    sources = [table.source for table in study.models()]
    assert sources == LANGUAGE + VISION
    assert (len(LANGUAGE), len(VISION)) == (12, 17)
    assert {table.options["pooling"] for table in study.models()[:12]} == {"mean"}
    assert {table.options["pooling"] for table in study.models()[12:]} == {"cls"}
    assert study.file.data.source == "hf:minhuh/prh@wit_1024"
    assert study.file.align.metrics == ["mutual_knn(k=10)"]
    assert study.file.align.conditioning == ["platonic-rep(sample-mean)"]
    assert all(word in study.file.needs for word in ("GPU memory", "disk", "day"))


def test_timm_has_published_weights_of_every_name() -> None:
    if _torchvision_shim.ready() == "absent":
        pytest.skip("needs torchvision")
    timm = pytest.importorskip("timm")
    assert all(timm.is_model_pretrained(source.partition(":")[2]) for source in VISION)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Source of each language model -> folder with a tiny one of its class."""
    found = {}
    for i, source in enumerate(LANGUAGE):
        folder = tmp_path / source.rpartition("/")[2]
        monkeypatch.setattr(tiny, "WIDTH", 16 + 8 * i)
        found[source] = f"hf:{tiny.save('bloom' if 'bloom' in source else 'llama', folder)}"
    return found


@pytest.fixture
def shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """timm gives every vision transformer two blocks, 32 dimensions, small pictures and random weights."""
    if _torchvision_shim.ready() == "absent":
        pytest.skip("needs torchvision")
    timm = pytest.importorskip("timm")
    real = timm.create_model

    def create(name: str, *, pretrained: bool, num_classes: int) -> torch.nn.Module:
        assert pretrained
        assert num_classes == 0
        network = real(name, pretrained=False, num_classes=0, img_size=SIDE, embed_dim=32, depth=DEPTH, num_heads=4)
        network.pretrained_cfg = dict(network.pretrained_cfg) | {"input_size": (3, SIDE, SIDE)}
        return network

    monkeypatch.setattr(timm, "create_model", create)


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    """A dataset with the columns of minhuh/prh: a picture, and a list of texts of which the first is the caption."""
    library = pytest.importorskip("datasets")
    library.disable_progress_bars()
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (40, 30 + i, 3), dtype=np.uint8)) for i in range(N)]
    texts = [[f"{tiny.TEXTS[i % len(tiny.TEXTS)]} number {i}", "another text of this picture"] for i in range(N)]
    features = library.Features({"image": library.Image(), "text": library.List(library.Value("string"))})
    table = library.Dataset.from_dict({"image": pictures, "text": texts}, features=features)
    library.DatasetDict({"train": table}).save_to_disk(str(tmp_path / "prh"))
    return str(tmp_path / "prh")


@pytest.fixture
def small(folders: dict[str, str], pairs: str, tmp_path: Path) -> Study:
    """The study that ships, with these models and this data."""
    values = shipped()
    values["data"]["source"] = f"hf:{pairs}"
    values["align"]["draws"] = DRAWS
    values["compute"] = {"device": "cpu"}
    del values["capability"]  # these models have no head that tells tokens; test_studies.py has some that do
    for table in values["models"]:
        table["source"] = folders.get(table["source"], table["source"])
        if table.pop("device_map", None):  # one small folder needs no devices to be spread over
            table["device"] = "cpu"
    return Study.of(values, base=tmp_path)


@pytest.mark.usefixtures("shrunk")
def test_the_plan_runs_end_to_end_on_tiny_models_of_the_same_classes(small: Study, tmp_path: Path) -> None:
    plan = small.plan(tmp_path / "run")
    assert (plan.n, plan.pairs, plan.cells, len(plan.to_extract)) == (N, 12 * 17, 12 * 17, 29)
    result = small.run(tmp_path / "run", progress=lambda what, done, total: None)
    assert not result.failures
    assert len(result.rows) == 12 * 17
    assert {row["left_modality"] for row in result.rows} == {"text"}
    assert {row["right_modality"] for row in result.rows} == {"image"}
    assert {row["conditioning"] for row in result.rows} == {"platonic-rep(sample-mean)"}
    assert {row["left_layers"] for row in result.rows} == {tiny.DEPTH + 1}  # the embedding output, and every block
    assert {row["right_layers"] for row in result.rows} == {DEPTH}
    assert all(row["draws"] == DRAWS and row["n"] == N and 0 < row["p"] <= 1 for row in result.rows)
    assert result.page.exists()


@pytest.mark.usefixtures("shrunk")
def test_every_vision_transformer_gives_its_class_token(small: Study) -> None:
    pictures = tiny.pictures()
    for source in VISION:
        model = models.load(source, pooling="cls", device="cpu")
        assert model.details["pooling"] == "cls"
        assert [tuple(value.shape) for value in model.encode(pictures).values()] == [(4, 32)] * DEPTH


@pytest.mark.parametrize("kind", ["bloom", "llama"])
def test_padding_on_either_side_gives_the_same_means(kind: str, tmp_path: Path) -> None:
    """The released code pads on the left and passes no position ids; rotary and ALiBi positions make that no difference."""
    transformers = pytest.importorskip("transformers")
    folder = tiny.save(kind, tmp_path / kind)
    model = models.load(f"hf:{folder}", device="cpu")
    assert model.details["padding"] == "right"
    found = model.encode(tiny.TEXTS)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token  # whichever it is, it is never read
    inputs = tokenizer(list(tiny.TEXTS), return_tensors="pt", padding=True, truncation=True)
    assert not inputs["attention_mask"][:, 0].all()
    network = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        states = network(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], output_hidden_states=True)
    mask = inputs["attention_mask"][..., None].bool()
    for mine, state in zip(found.values(), states.hidden_states, strict=True):
        theirs = state.masked_fill(~mask, 0).sum(1) / mask.sum(1)  # what a network makes of padding may be NaN
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_the_released_codes_pad_token_changes_nothing(make_padded: Callable) -> None:
    """``[PAD]`` for huggyllama, else the end of sequence: padding is masked, so the vectors are the same."""
    plain, padded = make_padded(None), make_padded("[PAD]")
    for one, other in zip(plain.values(), padded.values(), strict=True):
        assert torch.equal(one, other)


@pytest.fixture
def make_padded(tmp_path: Path) -> Callable:
    """Pad token -> vectors of a tiny LLaMA whose tokenizer has it."""
    transformers = pytest.importorskip("transformers")

    def run(token: str | None) -> dict:
        folder = tiny.save("llama", tmp_path / f"llama{token}")
        if token is not None:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            tokenizer.add_special_tokens({"pad_token": token})
            tokenizer.save_pretrained(folder)
        return models.load(f"hf:{folder}", device="cpu").encode(tiny.TEXTS)

    return run
