"""`sushi accel roofline` and `sushi accel timeline`: one SubNet, layer by layer, as pictures."""

import time
from pathlib import Path
from typing import Annotated

import typer

from sushi_accel import (
    Board,
    InputError,
    SubGraph,
    SubNet,
    build_candidates,
    build_table,
    get_supernet,
)
from sushi_accel.figures import check_picture, save_picture
from sushi_accel.model.reference import LayerRun, simulate_subnet
from sushi_bench import console
from sushi_bench.commands.accel.options import (
    BandwidthOption,
    BoardOption,
    PbOption,
    SubGraphsOption,
    SuperNetOption,
    chosen_board,
)
from sushi_bench.commands.options import JsonOption

SubNetOption = Annotated[str, typer.Option("--subnet", help="Name of the SubNet.")]
CachedOption = Annotated[
    str | None,
    typer.Option("--cached", help="Name of the SubGraph; by default the SubNet's fastest."),
]
PictureOption = Annotated[Path, typer.Option("--out", help="Picture to write: .png, .svg, .pdf.")]


def roofline(
    out: PictureOption,
    subnet: SubNetOption = "A",
    supernet: SuperNetOption = "resnet50",
    board: BoardOption = "zcu104",
    pb_kib: PbOption = None,
    bandwidth_gbs: BandwidthOption = None,
    subgraphs: SubGraphsOption = 16,
    cached: CachedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw every layer of a SubNet under the board's roofline, with and without SGS."""
    check_picture(out)
    from sushi_accel.pictures import roofline as draw

    chosen = chosen_board(board, pb_kib, bandwidth_gbs)
    net, graph = _select(supernet, subnet, chosen, subgraphs, cached)
    plain, held = simulate_subnet(net, chosen), simulate_subnet(net, chosen, graph)
    title = f"SubNet {subnet} of {supernet} on {chosen.name}, SubGraph {graph.name}"
    save_picture(draw(plain, held, chosen, title), out)
    result = {
        "subnet": subnet,
        "board": chosen.name,
        "subgraph": graph.name,
        "peak_macs_per_s": chosen.macs_per_s,
        "bandwidth_bytes_per_s": chosen.bandwidth_bytes_per_s,
        "layers": [
            {
                "slot": before.layer.slot,
                "macs": before.layer.macs,
                "offchip_bytes": before.offchip_bytes,
                "latency_s": before.cycles / chosen.clock_hz,
                "cached_offchip_bytes": after.offchip_bytes,
                "cached_latency_s": after.cycles / chosen.clock_hz,
            }
            for before, after in zip(plain, held, strict=True)
        ],
    }
    _report(result, out, plain, held, chosen, as_json)


def timeline(
    out: PictureOption,
    subnet: SubNetOption = "A",
    supernet: SuperNetOption = "resnet50",
    board: BoardOption = "zcu104",
    pb_kib: PbOption = None,
    bandwidth_gbs: BandwidthOption = None,
    subgraphs: SubGraphsOption = 16,
    cached: CachedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw what array and port do during one inference, from the reference simulator."""
    check_picture(out)
    from sushi_accel.pictures import timeline as draw

    chosen = chosen_board(board, pb_kib, bandwidth_gbs)
    net, graph = _select(supernet, subnet, chosen, subgraphs, cached)
    began = time.perf_counter()
    plain = simulate_subnet(net, chosen)
    seconds = time.perf_counter() - began
    held = simulate_subnet(net, chosen, graph)
    runs = {"nothing cached": plain, f"SubGraph {graph.name} cached": held}
    save_picture(draw(runs, chosen, f"SubNet {subnet} of {supernet} on {chosen.name}"), out)
    result = {
        "subnet": subnet,
        "board": chosen.name,
        "subgraph": graph.name,
        "latency_s": sum(run.cycles for run in plain) / chosen.clock_hz,
        "cached_latency_s": sum(run.cycles for run in held) / chosen.clock_hz,
        "simulation_s": seconds,
    }
    _report(result, out, plain, held, chosen, as_json)


def _select(
    supernet: str, subnet: str, board: Board, subgraphs: int, cached: str | None
) -> tuple[SubNet, SubGraph]:
    """The SubNet, and the SubGraph of that name or the one under which it is fastest."""
    net = get_supernet(supernet)
    names = [s.name for s in net.subnets]
    if subnet not in names:
        raise InputError(f"unknown SubNet {subnet!r}; known: {', '.join(names)}")
    i = names.index(subnet)
    graphs = {graph.name: graph for graph in build_candidates(net, board, subgraphs)}
    if cached is None:
        table = build_table(net, board, list(graphs.values()))
        cached = table.subgraph_names[int(table.latency_s[i].argmin())]
    if cached not in graphs:
        raise InputError(f"unknown SubGraph {cached!r}; known: {', '.join(graphs)}")
    return net.subnets[i], graphs[cached]


def _report(
    result: dict[str, object],
    out: Path,
    plain: list[LayerRun],
    held: list[LayerRun],
    board: Board,
    as_json: bool,
) -> None:
    if as_json:
        console.print_json(result | {"picture": str(out)})
        return
    before, after = (1e3 * sum(r.cycles for r in runs) / board.clock_hz for runs in (plain, held))
    console.say(
        f"{out}: {before:.3f} ms with nothing cached, {after:.3f} ms with SubGraph "
        f"{result['subgraph']} ({100 * (1 - after / before):.1f} % less)"
    )
