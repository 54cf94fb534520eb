"""Compiled loops on several threads, and torch on one."""

from __future__ import annotations

from threading import Barrier, Thread

import torch

from platometer.threads import alone


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
