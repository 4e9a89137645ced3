"""Section 5: what SushiAbs costs, and what it spares. Times are of the machine that runs this."""

import time
from collections.abc import Callable
from statistics import median

from sushi_accel import build_candidates, build_table, get_board, get_supernet, supernet_names
from sushi_accel.model.reference import simulate_subnet
from sushi_bench.paper.rows import Row, alone
from sushi_bench.paper.sections import Track

PRESET = "zcu104"
SUBGRAPHS = 16
LOOKUPS = 20_000
REPEATS = 5


def _seconds(call: Callable[[], object], calls: int = 1) -> float:
    """Median time of one call, in batches of `calls`."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        taken.append((time.perf_counter() - began) / calls)
    return median(taken)


def rows(track: Track) -> list[Row]:
    """Size, look-up and speed-up per SuperNet, measured."""
    found = []
    for supernet in track(supernet_names(), "timing look-ups"):
        found += _measured(supernet)
    return found


def _measured(supernet: str) -> list[Row]:
    """A look-up finds the fastest SubNet in a row of the table, in place of simulating them all."""
    net, board = get_supernet(supernet), get_board(PRESET)
    graphs = build_candidates(net, board, SUBGRAPHS)
    table = build_table(net, board, graphs)
    by_subgraph = table.latency_s.T.copy()
    began = time.perf_counter()
    for subnet in net.subnets:
        simulate_subnet(subnet, board, graphs[-1])
    simulate_s = time.perf_counter() - began
    lookup_s = _seconds(lambda: by_subgraph[-1].argmin(), LOOKUPS)
    settings = {"board": PRESET, "subnets": table.num_subnets, "subgraphs": SUBGRAPHS}
    timed = settings | {
        "lookup_s": lookup_s,
        "simulate_s": simulate_s,
        "build_table_s": _seconds(lambda: build_table(net, board, graphs)),
        "note": "measured where this ran",
    }
    size, speedup = float(table.latency_s.nbytes), simulate_s / lookup_s
    against = "look-up against simulating the SubNets for a query"
    return [
        alone(f"abstraction_{name}_{supernet}", f"{claim}, {supernet}", ours, unit, about)
        for name, claim, ours, unit, about in (
            ("bytes", "size of the latency table", size, "bytes", settings),
            ("lookup", "one look-up: a row of L and its minimum", 1e6 * lookup_s, "us", timed),
            ("speedup", against, speedup, "times", timed),
        )
    ]
