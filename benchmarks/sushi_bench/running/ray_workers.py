"""Tasks spread over a Ray cluster, or over a local Ray (extra `ray`)."""

import importlib.util
import logging
import os
import socket
from collections.abc import Generator, Iterable
from typing import Any

from sushi_bench.running.local_workers import PER_WORKER, Wanted
from sushi_bench.running.suite_tasks import Outcome, Task, run_task
from sushi_env import InputError

PATIENCE_S = 5.0
RETRIES = 3
"""Times that a task is done again, elsewhere, because its worker died."""


def need_ray() -> None:
    """Checks that Ray is there.

    Raises:
        InputError: If it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("--backend ray needs Ray: pip install 'sushi-env[ray]'")


def run_on_ray(
    tasks: Iterable[Task], jobs: int, wanted: Wanted, address: str | None = None
) -> Generator[tuple[Task, Outcome]]:
    """Runs tasks on Ray, and yields each as it ends; see `run_locally`.

    The package, and the code of policies from outside, must be installed on every node.

    Args:
        tasks: The tasks.
        jobs: Workers of a local Ray; on a cluster it is as wide as the cluster is.
        wanted: Asked before a task is handed out; those not wanted are left out.
        address: Address of a cluster; by default a local Ray is started, and stopped.

    Yields:
        Each task and what came of it, in any order.

    Raises:
        InputError: If Ray is missing or there is no cluster at the address.
    """
    need_ray()
    if address is not None:
        _knock(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that we ran
    import ray  # type: ignore[import-not-found]
    from ray.exceptions import RayError  # type: ignore[import-not-found]

    own: dict[str, Any] = {"num_cpus": jobs, "include_dashboard": False}
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **(own if address is None else {}),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"no Ray cluster at {address!r} ({error})") from None
    try:
        width = PER_WORKER * max(int(ray.cluster_resources().get("CPU", 1)), 1)
        remote = ray.remote(run_task).options(num_cpus=1, max_retries=RETRIES)
        waiting = iter(tasks)
        running: dict[ray.ObjectRef, Task] = {}
        while True:
            while len(running) < width:
                task = next((t for t in waiting if wanted(t)), None)
                if task is None:
                    break
                running[remote.remote(task)] = task
            if not running:
                return
            (done,), _ = ray.wait(list(running), num_returns=1)
            task = running.pop(done)
            try:
                outcome = ray.get(done)
            except RayError as error:
                how = type(error).__name__
                outcome = Outcome([], f"policy {task.policy!r} ended its process ({how})")
            yield task, outcome
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Checks that somebody listens at an address; Ray would wait for minutes.

    Raises:
        InputError: If nobody does.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if address == "auto":
        return
    if not (host and colon and port.isdigit()):
        raise InputError(f"--address {address!r}: must be HOST:PORT, ray://HOST:PORT, or auto")
    try:
        socket.create_connection((host, int(port)), PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no Ray cluster at {address!r} ({error})") from None
