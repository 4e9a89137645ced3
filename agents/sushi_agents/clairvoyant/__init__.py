"""The clairvoyant bound: what the best scheduler that knows the future can earn."""

from sushi_agents.clairvoyant.bound import Bound, clairvoyant_bound

__all__ = ["Bound", "clairvoyant_bound"]
