"""A table whose numbers no machine has is refused, before an engine runs on it."""

from dataclasses import replace

import numpy as np
import pytest

from sushi_accel import InputError, build_table, get_board, get_supernet

TABLE = build_table(get_supernet("mobilenetv3"), get_board("zcu104"), num_subgraphs=3)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("latency_s", 1e-300),
        ("latency_s", 0.0),
        ("latency_s", 1e300),
        ("reload_s", 1e300),
        ("energy_j", 1e300),
        ("weight_bytes", 1e15),
        ("offchip_bytes", 1e15),
        ("macs", 1e30),
    ],
)
def test_a_scaled_table_is_one_line(name: str, factor: float):
    with pytest.raises(InputError, match=rf"SushiAbs table: {name} holds .*, must be in") as raised:
        replace(TABLE, **{name: factor * np.asarray(getattr(TABLE, name))})
    assert "\n" not in str(raised.value)


def test_what_a_slow_board_takes_is_allowed():
    slow = replace(TABLE, latency_s=1000 * TABLE.latency_s, energy_j=1000 * TABLE.energy_j)
    assert slow.latency_s.max() > 10
