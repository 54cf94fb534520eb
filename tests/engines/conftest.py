"""A small cluster of this machine for tests marked `cluster`, shut down when they are done."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import warnings
from collections.abc import Iterator

import pytest

MEMORY = 100 * 2**20


@contextlib.contextmanager
def cluster(count: int = 2) -> Iterator:
    """A cluster of a head without processors, where the driver is, and so many nodes; what it gives can add and lose nodes."""
    utils = pytest.importorskip("ray.cluster_utils", reason="ray is not installed")
    import ray

    soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_timeout_ms": 2000,
            "health_check_failure_threshold": 3}
    made = utils.Cluster(initialize_head=True, head_node_args={
        "num_cpus": 0, "object_store_memory": MEMORY, "include_dashboard": False, "_system_config": soon})
    try:
        for _ in range(count):
            made.add_node(num_cpus=1, object_store_memory=MEMORY)
        made.wait_for_nodes()
        yield made
    finally:
        ray.shutdown()
        made.shutdown()
        with warnings.catch_warnings():  # ray does not wait for the processes that it has ended
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@pytest.fixture(scope="session")
def nodes() -> Iterator:
    """A cluster of two nodes with a processor each; whoever takes one away puts another in its place."""
    with cluster() as made:
        yield made


@pytest.fixture
def address(nodes) -> str:
    """The address of the cluster."""
    return nodes.address


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """No test inherits another one's connection."""
    yield
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()
    os.environ.pop("RAY_ADDRESS", None)
