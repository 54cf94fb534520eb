"""The test bench's own models as platometer models: ten vision networks and four RWKV language models.

One function per model, named as in a study: ``source = "python:own_models.py:mobilenet_v1_1_0"``, run with
``--allow-code``. The networks and their weights stay in the bench, a folder with a ``models.py``, which is looked for
at ``$PLATOMETER_BENCH_DATA``, else at ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from platometer.errors import DataError
from platometer.models import Model, wrap


def mobilenet_v1_0_25() -> Model:
    """MobileNetV1 of a quarter of the width, 128 pixels."""
    return _vision("mobilenet_v1_0.25")


def mobilenet_v1_0_5() -> Model:
    """MobileNetV1 of half the width, 160 pixels."""
    return _vision("mobilenet_v1_0.5")


def mobilenet_v1_0_75() -> Model:
    """MobileNetV1 of three quarters of the width, 192 pixels."""
    return _vision("mobilenet_v1_0.75")


def mobilenet_v1_1_0() -> Model:
    """MobileNetV1, 224 pixels."""
    return _vision("mobilenet_v1_1.0")


def mobilenet_v2_1_0() -> Model:
    """MobileNetV2, 224 pixels."""
    return _vision("mobilenet_v2_1.0")


def tiny_darknet() -> Model:
    """Tiny Darknet, 224 pixels."""
    return _vision("tiny_darknet")


def cifar_resnet20() -> Model:
    """ResNet-20 of CIFAR-10, 32 pixels."""
    return _vision("cifar_resnet20")


def cifar_resnet32() -> Model:
    """ResNet-32 of CIFAR-10, 32 pixels."""
    return _vision("cifar_resnet32")


def cifar_resnet44() -> Model:
    """ResNet-44 of CIFAR-10, 32 pixels."""
    return _vision("cifar_resnet44")


def cifar_resnet56() -> Model:
    """ResNet-56 of CIFAR-10, 32 pixels."""
    return _vision("cifar_resnet56")


def rwkv_v4() -> Model:
    """RWKV 4; its feed-forward is zeroed by a mistake upstream."""
    return _language("rwkv_v4")


def rwkv_v5_1() -> Model:
    """RWKV 5.1."""
    return _language("rwkv_v5.1")


def rwkv_v5_2() -> Model:
    """RWKV 5.2."""
    return _language("rwkv_v5.2")


def rwkv_v7() -> Model:
    """RWKV 7, hardly trained."""
    return _language("rwkv_v7")


def _vision(name: str) -> Model:
    """Every layer that the bench lists, averaged over the map."""
    bench = _bench()
    info = bench.info(name)
    return wrap(bench.load(name), modality="image", name=name, each=bench.preprocess(name), layers=info["layers"],
                pooling="average", **_facts(name, info))


def _language(name: str) -> Model:
    """The normed embedding, every block, and the last block after the final norm; averaged over the bytes of a text."""
    bench = _bench()
    info = bench.info(name)
    return wrap(bench.load(name), modality="text", name=name, prepare=bench.preprocess(name), layers=info["layers"],
                pooling="mean", lengths=lambda texts: [len(text.encode()) for text in texts], **_facts(name, info))


def _facts(name: str, info: dict) -> dict:
    return {"source": f"bench:{name}", "licence": info["licence"],
            "details": {"input": info["input"], "origin": info["source"], "score": info["score"]}}


def _bench() -> ModuleType:
    """The bench's ``models.py``, read once."""
    if "platometer_bench" in sys.modules:
        return sys.modules["platometer_bench"]
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("PLATOMETER_BENCH_DATA", beside)) / "models.py"
    if not path.is_file():
        raise DataError(f"There is no {path}; set PLATOMETER_BENCH_DATA to the folder that holds the bench's models.py.")
    found = importlib.util.spec_from_file_location("platometer_bench", path)
    module = importlib.util.module_from_spec(found)
    sys.modules["platometer_bench"] = module
    found.loader.exec_module(module)
    return module
