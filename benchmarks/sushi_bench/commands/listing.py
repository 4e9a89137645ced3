"""`sushi list`: what there is."""

from enum import StrEnum
from typing import Annotated

import typer

from sushi_accel import board_names, get_board, get_supernet, supernet_names
from sushi_agents.registry import known_policies
from sushi_bench import console
from sushi_bench.commands.options import JsonOption
from sushi_env import InputError, compile_scenario, get_scenario, scenario_names

MIB = 2**20


class Kind(StrEnum):
    """What can be listed."""

    SCENARIOS = "scenarios"
    POLICIES = "policies"
    BOARDS = "boards"
    SUPERNETS = "supernets"


def _rows(kind: Kind, scenario: str | None) -> list[dict[str, str | float | None]]:
    if kind is Kind.SCENARIOS:
        scenarios = [get_scenario(name) for name in scenario_names()]
        return [
            {
                "name": s.name,
                "supernet": s.supernet,
                "board": s.board,
                "arrivals": s.arrivals.kind,
                "load": s.load,
                "reward": s.reward,
                "description": s.description,
            }
            for s in scenarios
        ]
    if kind is Kind.POLICIES:
        problem = None if scenario is None else compile_scenario(get_scenario(scenario))
        return [
            {
                "name": known.name,
                "kind": known.kind,
                "exists for": known.where,
                "description": known.description,
            }
            for known in known_policies(problem)
        ]
    if kind is Kind.BOARDS:
        boards = [get_board(name) for name in board_names()]
        return [
            {
                "name": b.name,
                "tmacs_per_s": round(b.macs_per_s / 1e12, 4),
                "bandwidth_gbs": round(b.bandwidth_bytes_per_s / 1e9, 3),
                "pb_kib": b.pb_bytes / 1024,
                "weights": "overlapped" if b.double_buffered else "not overlapped",
            }
            for b in boards
        ]
    nets = [get_supernet(name) for name in supernet_names()]
    return [
        {
            "name": f"{net.name} {subnet.name}",
            "top1": subnet.top1,
            "weights_mib": round(subnet.weight_bytes / MIB, 2),
            "gmacs": round(subnet.macs / 1e9, 2),
            "image_size": subnet.image_size,
        }
        for net in nets
        for subnet in net.subnets
    ]


def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    scenario: Annotated[
        str | None,
        typer.Option(help="Only the policies that exist for this scenario: a name, or a .yaml."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List scenarios, policies, boards or SuperNets."""
    if scenario is not None and kind is not Kind.POLICIES:
        raise InputError(f"--scenario is for `sushi list policies`, not for {kind}")
    rows = _rows(kind, scenario)
    if as_json:
        console.print_json({str(kind): rows})
        return
    cells = [tuple(row.values()) for row in rows]
    words = {name for name, value in rows[0].items() if isinstance(value, str)}
    console.out.print(console.table(rows[0], cells, left=words, wrap=True))
