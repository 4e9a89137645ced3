"""Section 5: what SushiAbs costs, and what it spares. Times are of the machine that runs this."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from sushi_accel import build_candidates, build_table, get_board, get_supernet, supernet_names
from sushi_accel.model.reference import simulate_subnet
from sushi_bench.paper.accelerator import Track
from sushi_bench.paper.rows import Row, unpublished

PRESET = "zcu104"
SUBGRAPHS = 16
LOOKUPS = 20_000
REPEATS = 5


@dataclass(frozen=True)
class Cost:
    """The abstraction's cost for one SuperNet; seconds are medians of repeats.

    Attributes:
        supernet: Name of the SuperNet.
        subnets: SubNets S.
        table_bytes: Bytes of L, S x |G| float64.
        lookup_s: Taking a row of L and the fastest SubNet in it.
        simulate_s: Simulating every SubNet under one SubGraph, event by event, instead.
        build_s: Building the whole table by the closed form.
    """

    supernet: str
    subnets: int
    table_bytes: int
    lookup_s: float
    simulate_s: float
    build_s: float


def _seconds(call: Callable[[], object], calls: int = 1) -> float:
    """Median time of one call, in batches of `calls`."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        taken.append((time.perf_counter() - began) / calls)
    return median(taken)


def search(track: Track) -> list[Cost]:
    """Measures both SuperNets."""
    return [_measure(supernet) for supernet in track(supernet_names(), "timing look-ups")]


def _measure(supernet: str) -> Cost:
    net, board = get_supernet(supernet), get_board(PRESET)
    graphs = build_candidates(net, board, SUBGRAPHS)
    table = build_table(net, board, graphs)
    rows = table.latency_s.T.copy()
    began = time.perf_counter()
    for subnet in net.subnets:
        simulate_subnet(subnet, board, graphs[-1])
    return Cost(
        supernet=supernet,
        subnets=table.num_subnets,
        table_bytes=table.latency_s.nbytes,
        lookup_s=_seconds(lambda: rows[-1].argmin(), LOOKUPS),
        simulate_s=time.perf_counter() - began,
        build_s=_seconds(lambda: build_table(net, board, graphs)),
    )


def rows(costs: list[Cost]) -> list[Row]:
    """Size, look-up and speed-up per SuperNet."""
    found = []
    for cost in costs:
        settings = {"board": PRESET, "subnets": cost.subnets, "subgraphs": SUBGRAPHS}
        timed = settings | {
            "lookup_s": cost.lookup_s,
            "simulate_s": cost.simulate_s,
            "build_table_s": cost.build_s,
            "note": "measured where this ran",
        }
        for name, claim, ours, unit, extra in (
            ("bytes", "size of the latency table", float(cost.table_bytes), "bytes", settings),
            ("lookup", "one look-up: a row of L and its minimum", 1e6 * cost.lookup_s, "us", timed),
            (
                "speedup",
                "look-up against simulating the SubNets for a query",
                cost.simulate_s / cost.lookup_s,
                "times",
                timed,
            ),
        ):
            found.append(
                Row(
                    id=f"abstraction_{name}_{cost.supernet}",
                    claim=f"{claim}, {cost.supernet}",
                    paper=None,
                    ours=ours,
                    unit=unit,
                    verdict=unpublished(),
                    settings=extra,
                )
            )
    return found
