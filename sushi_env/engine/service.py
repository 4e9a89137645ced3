"""What serving a query means: what is chosen, what comes of it, what it earns.

No clock is kept here: times are arguments, whether simulated or a host's.
"""

from sushi_env.engine.records import (
    BINS_PER_OCTAVE,
    CLASS_BITS,
    CLASS_FLOOR,
    CLASS_MASK,
    CLASS_SLO,
    HISTOGRAM_BINS,
    PAIR_ENERGY,
    PAIR_OFFCHIP,
    PAIR_RESIDENT,
    RELOAD_BYTES,
    RELOAD_ENERGY,
    SUBNET_ACCURACY,
    SUBNET_TOP1,
    SUBNET_WEIGHTS,
)
from sushi_env.numerics.arithmetic import bits_to_float, float_to_bits
from sushi_env.numerics.compiling import compiled

AVERAGE_WEIGHT = 1 / 32


@compiled(error_model="numpy", inline="always")
def latency_bin(ratio):
    """Bin of a response time given over the histogram's unit: logarithmic, linear in octaves."""
    bits = float_to_bits(max(ratio, 1.0))
    octave = (bits >> 52) - 1023
    mantissa = bits_to_float((bits & ((1 << 52) - 1)) | (1023 << 52))
    b = octave * BINS_PER_OCTAVE + int((mantissa - 1.0) * BINS_PER_OCTAVE)
    return min(max(b, 0), HISTOGRAM_BINS - 1)


@compiled(error_model="numpy", inline="always")
def commit(k, m, s, i, j, free):
    """Notes a choice: SubNet i serves, then SubGraph j is cached, from the time `free` on."""
    if j != s.cached:
        s.cached = j
        s.last_change = free
        s.reloads += 1
    for n in range(m.mix.shape[1]):
        m.mix[k, n] -= m.mix[k, n] * AVERAGE_WEIGHT
    m.mix[k, i] += AVERAGE_WEIGHT


@compiled(error_model="numpy", inline="always")
def account(k, m, s, arrival, tag, i, g, j, start, finish, free, dropped, told):
    """Counts what a service earned, in environment k's totals, histogram, outcome and reward.

    Args:
        k: The environment.
        m: The arrays.
        s: The environment's state.
        arrival: When the query came, seconds.
        tag: Its number and class; see `QUERY`.
        i: The SubNet that served it.
        g: The SubGraph that was cached meanwhile.
        j: The one that was loaded after it.
        start: When the service began, seconds.
        finish: When it ended.
        free: When SubGraph j was loaded.
        dropped: Queries dropped since the last decision.
        told: Whether outcome and reward are written: for the latest step, not those before it.
    """
    p, w = m.parameters[0], m.reward_weights[0]
    c = tag & CLASS_MASK
    slo = m.classes[c, CLASS_SLO]
    response = finish - arrival
    on_time = 0.0 if finish > arrival + slo else 1.0
    above = 0.0 if m.subnets[i, SUBNET_TOP1] < m.classes[c, CLASS_FLOOR] else 1.0
    accuracy, top1 = m.subnets[i, SUBNET_ACCURACY], m.subnets[i, SUBNET_TOP1]
    offchip = m.pairs[i, g, PAIR_OFFCHIP] + m.reloads[g, j, RELOAD_BYTES]
    utility = on_time * above * (0.5 + 0.5 * accuracy)
    latency = min(response / slo, 1.0)
    lost = float(dropped)
    energy = offchip * p.offchip_scale
    reward = (
        w.utility * utility
        + w.accuracy * accuracy
        + w.latency * latency
        + w.late * (1.0 - on_time)
        + w.below_floor * (1.0 - above)
        + w.dropped * lost
        + w.energy * energy
    )
    if told:
        out = m.outcome[k]
        out.number, out.slo_class = tag >> CLASS_BITS, c
        out.subnet, out.cached, out.loaded = i, g, j
        out.arrival_s, out.start_s = arrival, start
        out.finish_s, out.free_s = finish, free
        out.utility = utility
        out.accuracy = accuracy
        out.latency = latency
        out.late = 1.0 - on_time
        out.below_floor = 1.0 - above
        out.dropped = lost
        out.energy = energy
        out.reward = reward
        m.reward[k] = reward

    s.total_utility += utility
    s.total_goodput_top1 += on_time * top1
    s.total_slo_met += on_time
    s.total_floor_met += above
    s.total_top1 += top1
    s.total_response_s += response
    s.least_response_s = min(s.least_response_s, response)
    s.most_response_s = max(s.most_response_s, response)
    s.total_offchip_bytes += offchip
    s.total_energy_j += m.pairs[i, g, PAIR_ENERGY] + m.reloads[g, j, RELOAD_ENERGY]
    s.total_resident_bytes += m.pairs[i, g, PAIR_RESIDENT]
    s.total_weight_bytes += m.subnets[i, SUBNET_WEIGHTS]
    s.total_reward += reward
    # Counted a step late, when the line has been fetched: the only access that jumps about.
    m.histogram[k, s.latency_bin] += 1
    s.latency_bin = latency_bin(response / p.latency_unit)
