"""Tasks spread over processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

from sushi_bench.running.suite_tasks import Outcome, Task, run_task

PER_WORKER = 2
"""Tasks handed out per worker, so that none waits for the next."""

Wanted = Callable[[Task], bool]


def run_locally(
    tasks: Iterable[Task], jobs: int, wanted: Wanted
) -> Generator[tuple[Task, Outcome]]:
    """Runs tasks in processes of their own, and yields each as it ends.

    A worker that dies is replaced, and what it may have been doing is done again, one task at a
    time; a task that ends its process a second time has failed.

    Args:
        tasks: The tasks.
        jobs: Number of processes.
        wanted: Asked before a task is handed out; those not wanted are left out.

    Yields:
        Each task and what came of it, in any order.
    """
    waiting = iter(tasks)
    suspects: list[Task] = []
    while True:
        suspects = yield from _until_death(waiting, jobs, wanted)
        if not suspects:
            return
        for task in filter(wanted, suspects):
            done = yield from _until_death(iter([task]), 1, wanted)
            if done:
                yield task, Outcome([], f"policy {task.policy!r} ended its process")


def _until_death(
    waiting: Iterator[Task], jobs: int, wanted: Wanted
) -> Generator[tuple[Task, Outcome], None, list[Task]]:
    """Runs tasks until none is left or a worker dies; returns those then under way."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin)
    running: dict[Future[Outcome], Task] = {}
    try:
        while True:
            while len(running) < PER_WORKER * jobs:
                task = next((t for t in waiting if wanted(t)), None)
                if task is None:
                    break
                try:
                    running[pool.submit(run_task, task)] = task
                except BrokenProcessPool:
                    return [*running.values(), task]
            if not running:
                return []
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda f: f.exception() is not None):
                outcome = future.result()
                yield running.pop(future), outcome
    except BrokenProcessPool:
        return list(running.values())
    finally:
        if running:  # broken off: wait for nobody
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Leaves Ctrl-C to the parent, and ends with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
