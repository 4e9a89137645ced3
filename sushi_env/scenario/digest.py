"""What of a scenario its digest covers: so that a key added later changes no digest."""

from typing import Any

from pydantic import BaseModel

_FIRST_KEYS = {
    "Scenario": "name supernet board table pb_kib bandwidth_gbs subgraphs load arrivals classes "
    "regimes regime_queries service_jitter queue_capacity admission queries reward reward_weights",
    "SloClass": "name slo floor",
    "RewardWeights": "utility accuracy latency late below_floor dropped energy",
    "GammaArrivals": "scv",
    "MmppArrivals": "rates dwell_queries",
    "DiurnalArrivals": "period_queries amplitude",
    "FlashCrowdArrivals": "period_queries duration_queries peak",
    "TraceArrivals": "path jitter_s sha256",
}
"""The keys of the first version, by model. They count whatever they say; nothing is added here."""

_UNCOUNTED = {"description"}


def counted(model: BaseModel) -> dict[str, Any]:
    """The keys of a scenario that its digest covers, as plain data, parts included.

    Those are the keys of the first version, `kind`, and of later keys those that are not at their
    default: an older scenario lacks them and means the same.
    """
    names = (cls.__name__ for cls in type(model).__mro__)
    first = {"kind"}.union(*(_FIRST_KEYS.get(name, "").split() for name in names))
    found = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        default = field.get_default(call_default_factory=True, validated_data={})
        if name not in _UNCOUNTED and (name in first or value != default):
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return counted(value)
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
