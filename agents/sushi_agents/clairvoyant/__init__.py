"""The clairvoyant bound: what the best scheduler that knows the future can earn."""

from sushi_agents.clairvoyant.bound import MAX_LABELS, Bound, clairvoyant_bound
from sushi_agents.clairvoyant.many import clairvoyant_bounds

__all__ = ["MAX_LABELS", "Bound", "clairvoyant_bound", "clairvoyant_bounds"]
