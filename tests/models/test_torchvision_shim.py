"""torchvision beside a torch that its compiled operators do not fit: what is declared, and that nothing is hidden."""

from __future__ import annotations

import importlib
import logging

import pytest
import torch

from platometer.models import _torchvision_shim


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch):
    """The function without its memory, and with no real import."""
    _torchvision_shim.ready.cache_clear()
    monkeypatch.setattr(_torchvision_shim, "_keep", [])
    yield monkeypatch
    _torchvision_shim.ready.cache_clear()


def imports(*outcomes: BaseException | None):
    left = list(outcomes)

    def run(name: str) -> None:
        outcome = left.pop(0)
        if outcome is not None:
            raise outcome

    return run


def test_torchvision_and_timm_work_after_it() -> None:
    if _torchvision_shim.ready() == "absent":
        pytest.skip("needs torchvision")
    assert importlib.import_module("torchvision").transforms is not None
    assert importlib.import_module("timm").create_model is not None


def test_a_torchvision_that_loads_is_left_alone(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(_torchvision_shim.importlib, "import_module", imports(None))
    assert _torchvision_shim.ready() == "ok"


def test_no_torchvision_is_no_error(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(_torchvision_shim.importlib, "import_module", imports(ModuleNotFoundError("No module named 'torchvision'")))
    assert _torchvision_shim.ready() == "absent"


def test_operators_that_are_missing_are_declared_without_naming_them_beforehand(
    fresh: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    absent = [RuntimeError(f"operator torchvision::{name} does not exist") for name in ("made_up_a", "made_up_b")]
    fresh.setattr(_torchvision_shim.importlib, "import_module", imports(*absent, None))
    fresh.setattr(_torchvision_shim.sys, "modules", dict(_torchvision_shim.sys.modules))
    with caplog.at_level(logging.INFO, logger="platometer"):
        assert _torchvision_shim.ready() == "declared"
    assert "without them" in caplog.text
    with pytest.raises(NotImplementedError):  # declared, and honest about having no body
        torch.ops.torchvision.made_up_a(torch.zeros(1))


def test_another_failure_is_not_hidden(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(_torchvision_shim.importlib, "import_module", imports(RuntimeError("something else")))
    with pytest.raises(RuntimeError, match="something else"):
        _torchvision_shim.ready()
