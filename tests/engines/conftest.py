"""A small cluster of this machine for tests marked `cluster`, shut down when they are done."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

MEMORY = 100 * 2**20


@contextlib.contextmanager
def cluster(nodes: int = 2, cpus: int = 1) -> Iterator:
    """A cluster of a head without processors, where the driver is, and so many nodes; what it gives can add and lose nodes."""
    utils = pytest.importorskip("ray.cluster_utils")
    import ray

    soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_timeout_ms": 500,
            "health_check_failure_threshold": 3}
    made = utils.Cluster(initialize_head=True, head_node_args={
        "num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False, "_system_config": soon})
    try:
        for _ in range(nodes):
            made.add_node(num_cpus=cpus, object_store_memory=MEMORY)
        made.wait_for_nodes()
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of a cluster of two nodes with a processor each."""
    with cluster() as made:
        yield made.address


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """No test inherits another one's connection."""
    yield
    import sys

    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()
    os.environ.pop("RAY_ADDRESS", None)
