"""The order of cells: the fewest preparations that memory allows, counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from platometer import alignment
from platometer.features import Features
from platometer.study import _cells, _forecast, _layout
from platometer.study._cells import Cell, Desk, Setting

GRID = [(f"l{i}", f"r{j}") for i in range(100) for j in range(100)]


def _made(pairs: list, room: int) -> int:
    return _layout.kept([pairs[i] for i in _layout.blocked(pairs, room)], room)


@pytest.mark.parametrize(("room", "count"), [(2, 10_100), (12, 1100), (22, 600), (52, 300), (102, 200), (500, 200)])
def test_a_grid_of_100_by_100_models_is_prepared_as_few_times_as_there_is_room_for(room: int, count: int) -> None:
    assert _made(GRID, room) == count
    if room < 101:
        assert _layout.kept(GRID, room) == 10_100  # row by row


def test_pairs_among_one_set_of_models_are_in_blocks_too() -> None:
    pairs = list(itertools.combinations(range(100), 2))
    assert (_layout.kept(pairs, 22), _made(pairs, 22), _made(pairs, 100)) == (4818, 299, 100)


def test_every_pair_is_there_once_in_any_order() -> None:
    rng = np.random.default_rng(0)
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, 12, (60, 2))]
    for room in (2, 3, 5, 8, 40):
        assert sorted(_layout.blocked(pairs, room)) == list(range(60))
        assert _made(pairs, room) <= _layout.kept(pairs, room)
    assert _layout.blocked([], 5) == []


def test_a_worker_of_several_is_given_squares() -> None:
    room = _layout.room_of(1000, len(GRID), 4)
    assert (room, _layout.size(len(GRID), 4), len(_layout.parts(len(GRID), 4))) == (19, 312, 33)
    assert _forecast.preparations(GRID, 1000, 4) < 33 * 50 < _layout.size(len(GRID), 4) * 33
    assert _forecast.preparations(GRID, 1000, 1) == 200
    assert _layout.parts(4, 2) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_a_desk_prepares_as_often_as_was_said(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from platometer import store

    rng = np.random.default_rng(0)
    names = [f"m{i}" for i in range(8)]
    for name in names:
        store.write(tmp_path / "features", name, Features.of({"a": rng.normal(size=(20, 3))}, name=name))
    pairs = [(left, right) for left in names[:4] for right in names[4:]]
    made, prepare = [], alignment.prepare
    monkeypatch.setattr(_cells.alignment, "prepare", lambda *args, **options: made.append(1) or prepare(*args, **options))
    size = _cells._size(prepare(store.open(tmp_path / "features", "m0"), "cka").sides)
    for room in (2, 4, 5, 9):
        made.clear()
        desk = Desk(Setting(str(tmp_path)), budget=room * size)
        for i in _layout.blocked(pairs, room):
            desk.answer(Cell(*pairs[i], metric="cka", conditioning="unit", draws=0, seed=room, alpha=0.05, summary="max",
                             undefined="error"))
        assert len(made) == _forecast.preparations(pairs, room, 1)
    assert len(made) == 8
    assert _layout.rooms({name: size for name in names}, 3.5 * size) == 3
