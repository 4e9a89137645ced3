"""`sushi accel table`: the SushiAbs latency table."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from sushi_accel import SushiAbs, build_candidates, build_table, get_supernet, save_table
from sushi_accel.figures import check_picture, save_picture
from sushi_accel.files.atomic import check_writable
from sushi_accel.model.reference import simulate_subnet
from sushi_bench import console
from sushi_bench.commands.accel.options import (
    BandwidthOption,
    BoardOption,
    PbOption,
    SubGraphsOption,
    SuperNetOption,
    chosen_board,
)
from sushi_bench.commands.options import JsonOption, PlotOption

Result = TypeVar("Result")


def table(
    supernet: SuperNetOption = "resnet50",
    board: BoardOption = "zcu104",
    pb_kib: PbOption = None,
    bandwidth_gbs: BandwidthOption = None,
    subgraphs: SubGraphsOption = 16,
    out: Annotated[Path | None, typer.Option(help="Also save the table to this .npz file.")] = None,
    plot: PlotOption = None,
    timed: Annotated[
        bool, typer.Option("--time", help="Also time it, beside the reference simulator.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the SushiAbs latency table of a SuperNet on a board."""
    check_picture(plot)
    if out is not None:
        check_writable(out, f"table {out}")
    net, chosen = get_supernet(supernet), chosen_board(board, pb_kib, bandwidth_gbs)
    graphs, candidates_s = _timed(lambda: build_candidates(net, chosen, subgraphs))
    if len(graphs) < subgraphs and not as_json:
        console.note(f"{len(graphs)} SubGraphs: no more of the {subgraphs} asked for differ")
    built, table_s = _timed(lambda: build_table(net, chosen, graphs))
    times = {"candidates_s": candidates_s, "table_s": table_s}
    if timed:
        largest = net.subnets[-1]
        times["reference_s"] = _timed(lambda: simulate_subnet(largest, chosen))[1]
    if out is not None:
        save_table(built, out)
    if plot is not None:
        from sushi_accel.pictures import saved_latency

        save_picture(saved_latency(built), plot)
    if as_json:
        console.print_json(_as_json(built) | ({"times": times} if timed else {}))
        return
    console.out.print(_as_table(built))
    if timed:
        console.say(
            f"SubGraphs chosen in {1e3 * times['candidates_s']:.1f} ms, table built in "
            f"{1e3 * times['table_s']:.1f} ms; the reference simulator takes "
            f"{1e3 * times['reference_s']:.1f} ms for SubNet {built.subnet_names[-1]} alone."
        )


def _timed(compute: Callable[[], Result]) -> tuple[Result, float]:
    """What `compute` returns, and the seconds it took."""
    began = time.perf_counter()
    result = compute()
    return result, time.perf_counter() - began


def _as_json(t: SushiAbs) -> dict[str, object]:
    columns = zip(t.subnet_names, t.top1, t.weight_bytes, t.macs, strict=True)
    return {
        "supernet": t.supernet,
        "board": t.board,
        "pb_bytes": t.pb_bytes,
        "subnets": [
            {"name": name, "top1": float(top1), "weight_bytes": int(weights), "macs": int(macs)}
            for name, top1, weights, macs in columns
        ],
        "subgraphs": [
            {"name": name, "bytes": int(size)}
            for name, size in zip(t.subgraph_names, t.subgraph_bytes, strict=True)
        ],
        "latency_s": t.latency_s.tolist(),
        "offchip_bytes": t.offchip_bytes.tolist(),
        "energy_j": t.energy_j.tolist(),
        "reload_s": t.reload_s.tolist(),
    }


def _as_table(t: SushiAbs) -> Table:
    subnets = [f"{name}\n{top1:.1f} %" for name, top1 in zip(t.subnet_names, t.top1, strict=True)]
    rows = [
        (name, f"{size / 1024:.0f}", *(f"{1e3 * latency:.3f}" for latency in latencies))
        for name, size, latencies in zip(
            t.subgraph_names, t.subgraph_bytes, t.latency_s.T, strict=True
        )
    ]
    title = (
        f"{t.supernet} on {t.board}: service latency, ms; Persistent Buffer "
        f"{t.pb_bytes / 1024:.0f} KiB"
    )
    return console.table(("SubGraph", "KiB", *subnets), rows, title)
