"""The model around a torch module: what hooks catch, when, and what happens when something fails."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from platometer.errors import InputError, ModelError
from platometer.models import Model, Sized, wrap
from platometer.models._torch import first_tensor, parameters


class Twice(nn.Module):
    """One module that runs twice, one that never runs, one that gives a tuple, and a dictionary at the end."""

    def __init__(self):
        super().__init__()
        self.shared, self.idle, self.pair, self.words = nn.Linear(3, 3), nn.Linear(3, 3), Pair(), Words()

    def forward(self, x: torch.Tensor) -> dict:
        return self.words(self.pair(self.shared(self.shared(x)))[1])


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor) -> tuple:
        return torch.tensor([1, 2]), self.inner(x)


class Words(nn.Module):
    def forward(self, x: torch.Tensor) -> dict:
        return {"ids": torch.zeros(len(x), dtype=torch.long), "states": [None, x * 2]}


def ones(count: int = 4) -> list[torch.Tensor]:
    return [torch.full((3,), float(i)) for i in range(count)]


def model(module: nn.Module, **options: object) -> Model:
    return wrap(module, modality="vector", name="own", prepare=torch.stack, **options)


def test_a_layer_is_caught_before_the_network_writes_over_it() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True), nn.Linear(3, 2))
    nn.init.constant_(net[0].weight, -1.0)
    nn.init.zeros_(net[0].bias)
    caught = model(net, layers=["0", "1"]).encode([torch.ones(3)])
    assert caught["0"].tolist() == [[-3.0] * 3]
    assert caught["1"].tolist() == [[0.0] * 3]


def test_tensors_are_found_inside_tuples_and_dictionaries() -> None:
    out = model(Twice(), layers=["pair", "words"]).encode(ones())
    assert torch.allclose(out["words"], 2 * out["pair"])
    assert out["pair"].shape == (4, 5)


def test_a_module_that_runs_twice_is_not_one_layer() -> None:
    with pytest.raises(ModelError, match="'shared' runs more than once"):
        model(Twice(), layers=["shared"]).encode(ones())


def test_a_module_that_does_not_run_is_an_error() -> None:
    with pytest.raises(ModelError, match="'idle' gave no tensor"):
        model(Twice(), layers=["idle"]).encode(ones())


def test_all_is_every_module_that_runs_once_and_gives_a_tensor_in_order_of_computation() -> None:
    assert model(Twice(), layers="all", example=torch.ones(3)).layers() == ("pair.inner", "pair", "words")


def test_concat_joins_all_blocks_into_one_layer() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    joined, parts = model(net, layers="concat"), model(net)
    assert joined.layers() == ("concat",)
    assert torch.equal(joined.encode(ones())["concat"], torch.cat(list(parts.encode(ones()).values()), 1))


def test_no_hook_stays_behind_even_if_the_network_fails() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(9, 2))
    with pytest.raises(ModelError, match=r"own failed on a batch of 4: RuntimeError: mat1 and mat2"):
        model(net).encode(ones())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_dropout_is_off_and_results_are_ordinary_tensors() -> None:
    net = nn.Sequential(nn.Linear(3, 50), nn.Dropout(0.5), nn.Linear(50, 2))
    own = model(net.train())
    first, second = own.encode(ones()), own.encode(ones())
    assert all(torch.equal(first[layer], second[layer]) for layer in own.layers())
    first["0"] += 1  # an inference tensor would refuse
    assert not first["0"].requires_grad


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError("full")])
def test_out_of_memory_is_left_to_whoever_can_halve_the_batch(error: BaseException) -> None:
    class Full(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise error

    with pytest.raises(type(error)):
        model(Full()).encode(ones())


def test_memory_of_the_processor_that_is_full_is_a_memory_error() -> None:
    class Full(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    with pytest.raises(MemoryError):
        model(Full()).encode(ones())


def test_no_items_is_an_error() -> None:
    with pytest.raises(InputError, match="at least one"):
        model(nn.Sequential(nn.Linear(3, 2))).encode([])


def test_it_is_a_model_with_lengths() -> None:
    own = model(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)), limit=2, lengths=lambda items: [len(i) for i in items])
    assert isinstance(own, Model)
    assert isinstance(own, Sized)
    assert own.lengths(ones(2)) == [3, 3]
    assert own.limit == 2
    assert model(nn.Sequential(nn.Linear(3, 2))).lengths(ones(2)) == [1, 1]


def test_shared_parameters_count_once() -> None:
    one = nn.Linear(3, 3, bias=False)
    assert parameters(nn.Sequential(one, one)) == 9


def test_last_hidden_state_goes_before_all_others() -> None:
    hidden = torch.ones(1, 2)
    assert first_tensor({"logits": torch.zeros(1, 2), "last_hidden_state": hidden}) is hidden
    assert first_tensor((None, torch.tensor([1]), [hidden])) is hidden
    assert first_tensor("word") is None


def test_a_recurrent_network_without_blocks_can_be_wrapped_by_name() -> None:
    net = nn.Sequential(nn.LSTM(3, 6, batch_first=True))
    own = wrap(net, modality="vector", name="lstm", prepare=lambda items: torch.stack(items)[:, None].expand(-1, 5, -1),
               layers=["0"], pooling="last")
    assert own.encode(ones())["0"].shape == (4, 6)
