"""Compiled loops on several threads, and torch on one."""

from __future__ import annotations

from threading import Barrier, Thread

import torch

from platometer.threads import alone, each, lanes, steady


def test_whoever_leaves_last_puts_back_the_number_of_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    met, seen = [Barrier(2, timeout=60) for _ in range(3)], []

    def first() -> None:
        with alone():
            met[0].wait()
            met[1].wait()
        met[2].wait()

    def second() -> None:
        met[0].wait()
        with alone():
            met[1].wait()
            met[2].wait()
            seen.append(torch.get_num_threads())

    try:
        programs = [Thread(target=first), Thread(target=second)]
        for program in programs:
            program.start()
        for program in programs:
            program.join()
        assert seen == [1]  # the other one has left, this one has not
        with alone():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_steady_work_is_shared_as_before_and_computed_on_one_thread() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with steady():
            assert (lanes(), torch.get_num_threads()) == (2, 1)
            with steady():
                assert lanes() == 2
            assert each(lambda _: (lanes(), torch.get_num_threads()), range(4)) == [(1, 1)] * 4
        assert (lanes(), torch.get_num_threads()) == (2, 2)
    finally:
        torch.set_num_threads(before)


def test_steady_sums_do_not_depend_on_the_number_of_threads() -> None:
    x = torch.randn(300, 3000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            with steady():
                found.append((x @ x.T, torch.linalg.svdvals(x[:, :200]), x.sum()))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
