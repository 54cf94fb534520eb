"""Models of the user's own: wrapped modules and functions, and files that make them."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from torch import nn

from platometer.errors import InputError, ModelError, SpecError, UnknownNameError
from platometer.models import Model, load, wrap

FILE = '''
import numpy as np, torch, platometer.models as models
from torch import nn
from dataclasses import dataclass
from beside import WIDTH

@dataclass
class Settings:
    width: "int" = WIDTH

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.a, self.b = nn.Linear(3, width), nn.Linear(width, 2)
    def forward(self, x):
        return self.b(torch.relu(self.a(x)))

def whole(width=4, seed=0):
    torch.manual_seed(seed)
    return models.wrap(Net(width), modality="vector", name="whole", prepare=torch.stack)

def bare(width=4):
    return Net(width)

def pair():
    return Net(), torch.stack

def function():
    return lambda items: np.stack([np.asarray(item)[:2] for item in items])

def wrong():
    return 3

def broken():
    raise RuntimeError("no such weights")
'''


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "own.py").write_text(FILE)
    (tmp_path / "beside.py").write_text("WIDTH = 4\n")
    yield f"python:{tmp_path / 'own.py'}"
    sys.modules.pop("beside", None)


def points(count: int = 3) -> list[torch.Tensor]:
    return [torch.arange(3.0) + i for i in range(count)]


def test_a_function_that_returns_a_model_is_a_model(file: str) -> None:
    model = load(f"{file}:whole", allow_code=True, width=6)
    assert isinstance(model, Model)
    assert {k: tuple(v.shape) for k, v in model.encode(points()).items()} == {"a": (3, 6), "b": (3, 2)}
    assert model.card.parameters == 3 * 6 + 6 + 6 * 2 + 2


def test_code_runs_only_if_it_is_allowed(file: str) -> None:
    with pytest.raises(ModelError, match="--allow-code on the command line, allow_code=True in Python"):
        load(f"{file}:whole")
    with pytest.raises(ModelError, match="--allow-code"):
        load("python:no_such_module_at_all:f")


def test_a_bare_module_or_function_is_wrapped_with_the_options_beside_it(file: str) -> None:
    pair = load(f"{file}:pair", allow_code=True, modality="vector", layers="last")
    assert pair.layers() == ("b",)
    assert (pair.card.name, pair.encode(points())["b"].shape) == ("pair", (3, 2))
    plain = load(f"{file}:function", allow_code=True, modality="vector", device="cpu")
    assert plain.encode(points())["output"].tolist() == [[0, 1], [1, 2], [2, 3]]
    with pytest.raises(ModelError, match="what it reads is not said"):
        load(f"{file}:bare", allow_code=True)
    with pytest.raises(SpecError, match=r"Neither the function .* has an option 'modalty'\. Did you mean 'modality'"):
        load(f"{file}:bare", allow_code=True, modality="vector", modalty="vector")


def test_a_study_may_move_it_to_a_device_that_it_does_not_ask_for(file: str) -> None:
    assert load(f"{file}:whole", allow_code=True, device="cpu").layers() == ("a", "b")
    with pytest.raises(SpecError, match="has no option 'depth'; add it to its parameters"):
        load(f"{file}:whole", allow_code=True, depth=2)


@pytest.mark.parametrize(("function", "text"), [
    ("wrong", "returned a int; expected a model"), ("broken", "failed: RuntimeError: no such weights"),
    ("whol", "has no function 'whol'. Did you mean 'whole'"),
])
def test_what_is_no_model_is_an_error(function: str, text: str, file: str) -> None:
    with pytest.raises(ModelError, match=text):
        load(f"{file}:{function}", allow_code=True)


def test_a_file_or_module_that_is_not_there_or_broken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        load(f"python:{tmp_path}/nowhere.py:f", allow_code=True)
    with pytest.raises(ModelError, match="Cannot import 'no_such_module_at_all'"):
        load("python:no_such_module_at_all:f", allow_code=True)
    (tmp_path / "bad.py").write_text("def f(:\n")
    with pytest.raises(ModelError, match=r"bad\.py failed while it was read: SyntaxError"):
        load(f"python:{tmp_path}/bad.py:f", allow_code=True)
    with pytest.raises(SpecError, match="names no function"):
        load("python:own.py", allow_code=True)


def test_code_that_leaves_the_program_is_an_error_of_its_model(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys\nsys.exit(2)\n")  # as argparse does, called without a main guard
    (tmp_path / "later.py").write_text("def f():\n    raise SystemExit(3)\n")
    with pytest.raises(ModelError, match=r"script\.py failed while it was read: SystemExit: 2"):
        load(f"python:{tmp_path}/script.py:f", allow_code=True)
    with pytest.raises(ModelError, match=r"later\.py:f failed: SystemExit: 3"):
        load(f"python:{tmp_path}/later.py:f", allow_code=True)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    import os

    path = tmp_path / "changing.py"
    for i, value in enumerate((1.0, 2.0)):
        path.write_text(f"import numpy as np\ndef make():\n    return lambda items: np.full((len(items), 1), {value})\n")
        os.utime(path, ns=(i, i))
        model = load(f"python:{path}:make", allow_code=True, modality="vector")
        assert model.encode(points(1))["output"].item() == value


def test_a_module_that_is_installed_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own_installed.py").write_text(FILE.replace("from beside import WIDTH", "WIDTH = 4"))
    monkeypatch.syspath_prepend(tmp_path)
    assert load("python:own_installed:whole", allow_code=True).layers() == ("a", "b")


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(256, 8), nn.Linear(8, 8)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.out(self.embed(ids))


def padded(texts: list[str], *, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, texts))
    ids, mask = torch.zeros(len(texts), longest, dtype=torch.long), torch.zeros(len(texts), longest, dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(longest - len(text), None) if left else slice(len(text))
        ids[row, place], mask[row, place] = torch.tensor(list(text.encode())), 1
    return ids, mask


@pytest.mark.parametrize("pooling", ["mean", "last", "first", "max"])
@pytest.mark.parametrize("form", ["right", "left", "words", "mask"])
def test_a_mask_is_understood_in_every_form_and_on_either_side(form: str, pooling: str) -> None:
    prepare = {
        "right": padded, "left": functools.partial(padded, left=True),
        "words": lambda texts: dict(zip(("ids", "mask"), padded(texts), strict=True)),
        "mask": lambda texts: (padded(texts)[0], padded(texts)[1].bool()),
    }[form]
    net = Text()
    model = wrap(net, modality="text", name="t", prepare=prepare, layers=["out"], pooling=pooling)
    plain = wrap(net, modality="text", name="t", prepare=lambda texts: padded(texts)[0], layers=["out"], pooling=pooling)
    together = model.encode(["a", "longer one", "mid"])["out"]
    for row, text in enumerate(["a", "longer one", "mid"]):
        assert torch.allclose(together[row], plain.encode([text])["out"][0], atol=1e-6)


def test_pictures_come_in_rgb_one_by_one_or_together() -> None:
    def tensor(picture: Image.Image) -> torch.Tensor:
        assert picture.mode == "RGB"
        return torch.from_numpy(np.array(picture.resize((8, 8)))).permute(2, 0, 1).float()

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3))
    one = wrap(net, modality="image", name="net", each=tensor)
    all_at_once = wrap(net, modality="image", name="net", prepare=lambda items: torch.stack([tensor(i) for i in items]))
    found = one.encode(tiny.pictures())
    assert {k: tuple(v.shape) for k, v in found.items()} == {"0": (4, 4), "2": (4, 6)}
    assert all(torch.equal(found[k], v) for k, v in all_at_once.encode(tiny.pictures()).items())


def test_a_function_may_return_layers_whose_names_are_said_or_seen() -> None:
    def layers(items: list) -> dict:
        return {"low": np.ones((len(items), 2), np.float16), "high": torch.arange(len(items))[:, None]}

    for options in ({"layers": ["low", "high"]}, {"example": 0.0}):
        model = wrap(layers, modality="vector", name="f", **options)
        assert model.layers() == ("low", "high")
        assert model.encode([1, 2])["high"].dtype == torch.float64
    with pytest.raises(ModelError, match="gave the layers low, high; expected output"):
        wrap(layers, modality="vector", name="f").encode([1])


def test_a_function_that_fails_is_named() -> None:
    with pytest.raises(ModelError, match="f failed on a batch of 1: ZeroDivisionError"):
        wrap(lambda items: 1 / 0, modality="vector", name="f").encode([1])
    with pytest.raises(torch.OutOfMemoryError):
        wrap(full, modality="vector", name="f").encode([1])


def full(items: list) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_revision_names_weights_and_structure() -> None:
    def net(*, stride: int = 1, act: nn.Module | None = None) -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3, stride=stride), act or nn.ReLU(), nn.Conv2d(4, 4, 1))

    def revision(module: nn.Module) -> str:
        return wrap(module, modality="image", name="n", prepare=torch.stack).card.revision

    changed = net()
    with torch.no_grad():
        changed[2].bias[3] += 1
    assert revision(net()) == revision(net())
    assert len({revision(m) for m in (net(), net(stride=2), net(act=nn.GELU()), changed)}) == 4


def test_a_functions_revision_is_its_text() -> None:
    def one(items: list) -> np.ndarray:
        return np.ones((len(items), 1))

    def two(items: list) -> np.ndarray:
        return np.ones((len(items), 2))

    cards = [wrap(f, modality="vector", name="f").card for f in (one, two, functools.partial(one))]
    assert cards[0].revision != cards[1].revision
    assert cards[0].revision == cards[2].revision
    with pytest.raises(SpecError, match="pass revision="):
        wrap(len, modality="vector", name="f")
    assert wrap(len, modality="vector", name="f", revision="1").card.revision == "1"


def test_another_preparation_gives_other_details() -> None:
    def a(items: list) -> torch.Tensor:
        return torch.stack(items)

    def b(items: list) -> torch.Tensor:
        return torch.stack(items) * 2

    net = nn.Sequential(nn.Linear(3, 2))
    one, two = (wrap(net, modality="vector", name="n", prepare=f).details for f in (a, b))
    assert json.dumps(dict(one)) != json.dumps(dict(two))


def test_code_beside_a_preparation_and_options_of_a_function_go_with_the_features(tmp_path: Path) -> None:
    import os

    path = tmp_path / "helped.py"
    text = """import torch
from platometer.models import wrap
def helper(item):
    return item * 1.0
def make(power=1, device=None):
    return wrap(torch.nn.Sequential(torch.nn.Identity()), modality="vector", name="h", layers=["0"],
                prepare=prepare(power))
def prepare(power):
    return lambda items: torch.stack([helper(item) ** power for item in items])
"""
    found = []
    for i, (written, options) in enumerate([(text, {}), (text, {"device": "cpu"}), (text, {"power": 2}),
                                            (text.replace("item * 1.0", "item * 2.0"), {})]):
        path.write_text(written)
        os.utime(path, ns=(i, i))
        found.append(json.dumps(dict(load(f"python:{path}:make", allow_code=True, **options).details)))
    assert found[0] == found[1]
    assert len(set(found)) == 3


@pytest.mark.parametrize(("options", "kind", "text"), [
    ({"modality": "picture"}, SpecError, "no modality 'picture'"),
    ({"channels": "middle"}, SpecError, "'first' or 'last'"),
    ({"each": torch.relu}, SpecError, "only one of them"),
    ({"layers": "all"}, SpecError, "pass example="),
    ({"layers": "c"}, SpecError, "has no layer 'c'"),
    ({"pooling": "avg"}, SpecError, "There is no pooling 'avg'"),
])
def test_options_that_cannot_be_are_errors(options: dict, kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        wrap(nn.Sequential(nn.Linear(3, 2)), **{"modality": "vector", "name": "n", "prepare": torch.stack} | options)


def test_a_preparation_that_gives_nothing_usable_is_an_error() -> None:
    model = wrap(nn.Sequential(nn.Linear(3, 2)), modality="vector", name="n", prepare=lambda items: np.ones((1, 3)))
    with pytest.raises(InputError, match="prepare gave a ndarray"):
        model.encode(points())
    with pytest.raises(SpecError, match="leave prepare and each out"):
        wrap(lambda items: items, modality="vector", name="f", prepare=torch.stack)
    with pytest.raises(ModelError, match=r"expected a torch\.nn\.Module or a function"):
        wrap(3, modality="vector", name="f", revision="1")


def test_one_vector_for_several_items_is_an_error() -> None:
    model = wrap(nn.Sequential(nn.Linear(3, 2)), modality="vector", name="n", prepare=lambda items: torch.stack(items)[:1])
    with pytest.raises(ModelError, match=r"gives \(1, 2\) for 3 items"):
        model.encode(points())


def test_an_unknown_source_is_both_kinds_of_error() -> None:
    with pytest.raises(UnknownNameError):
        load("pithon:own.py:f")
