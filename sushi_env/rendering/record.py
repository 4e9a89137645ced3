"""What happened in an episode, step by step, read from the engine."""

from bisect import bisect_right
from collections import deque

from sushi_env.engine.engine import Engine
from sushi_env.engine.records import CLASS_BITS, CLASSES
from sushi_env.rendering.moment import Moment, Query, Service, Totals

RECENT = 60
"""Queries that a strip chart shows."""


class EpisodeRecord:
    """Follows environment `row` of an engine; it only reads.

    Args:
        engine: The engine, its episode just begun.
        row: Which environment.
        keep: Latest services to keep; by default all.

    Attributes:
        services: The queries served, in order.
        abandoned: Queries that waited and were then dropped, with the time of that, seconds.
        waiting: Queries waiting now, head first.
        now_s: Time of the next decision, seconds.
        cached: The SubGraph cached now.
        first_totals: Sums before the first step; an episode can begin with drops.
    """

    def __init__(self, engine: Engine, row: int = 0, keep: int | None = None):
        self._engine = engine
        self._row = row
        self.services: deque[Service] = deque(maxlen=keep)
        self.abandoned: deque[tuple[Query, float]] = deque(maxlen=keep)
        state = engine.state[row]
        self.first_totals = Totals(dropped=int(state["dropped"]))
        self._look()

    def _look(self) -> None:
        """Takes the present from the engine."""
        state = self._engine.state[self._row]
        self.now_s = float(state["now"])
        self.cached = int(state["cached"])
        problem = self._engine.problem
        names = [c.name for c in problem.scenario.classes]
        waiting = []
        for time, tag in self._engine.waiting(self._row).tolist():
            c = tag & (CLASSES - 1)
            slo, floor = problem.classes[c, :2].tolist()
            waiting.append(Query(tag >> CLASS_BITS, names[c], time, slo, floor))
        self.waiting = tuple(waiting)

    @property
    def totals(self) -> Totals:
        """Sums over the episode so far."""
        return self.services[-1].totals if self.services else self.first_totals

    def note(self, subnet: int, subgraph: int) -> None:
        """Adds the step that the engine has just made.

        Args:
            subnet: The SubNet of its action.
            subgraph: The SubGraph of its action.
        """
        before, cached, totals = self.waiting, self.cached, self.totals
        self._look()
        outcome = self._engine.outcome[self._row]
        out = dict(zip(outcome.dtype.names, outcome.item(), strict=True))
        on_time, above = not out["late"], not out["below_floor"]
        top1 = float(self._engine.problem.table.top1[subnet])
        dropped = int(out["dropped"])
        self.services.append(
            Service(
                query=before[0],
                subnet=subnet,
                cached=cached,
                subgraph=subgraph,
                start_s=out["start_s"],
                finish_s=out["finish_s"],
                free_s=out["free_s"],
                top1=top1,
                on_time=on_time,
                above_floor=above,
                utility=out["utility"],
                dropped=dropped,
                totals=Totals(
                    served=totals.served + 1,
                    dropped=totals.dropped + dropped,
                    on_time=totals.on_time + on_time,
                    below_floor=totals.below_floor + (not above),
                    top1=totals.top1 + top1,
                    utility=totals.utility + out["utility"],
                    reloads=totals.reloads + (subgraph != cached),
                ),
            )
        )
        if dropped:
            left = {query.number for query in self.waiting}
            gone = [query for query in before[1:] if query.number not in left]
            self.abandoned.extend((query, out["free_s"]) for query in gone)

    def present(self) -> Moment:
        """The moment of the next decision, the latest service included."""
        recent = tuple(self.services)[-RECENT:]
        return Moment(
            time_s=self.now_s,
            waiting=self.waiting,
            cached=self.cached,
            serving=recent[-1] if recent else None,
            recent=recent,
            totals=self.totals,
        )

    def at(self, time_s: float) -> Moment:
        """The moment at any time of an episode that was recorded from its beginning.

        Args:
            time_s: The time, seconds.
        """
        services = list(self.services)
        started = bisect_right(services, time_s, key=lambda s: s.start_s)
        finished = bisect_right(services, time_s, key=lambda s: s.finish_s)
        waiting = [s.query for s in services[started:]] + list(self.waiting)
        waiting += [query for query, dropped_s in self.abandoned if dropped_s > time_s]
        waiting = [query for query in waiting if query.arrival_s <= time_s]
        cached = 0
        if started:
            last = services[started - 1]
            cached = last.subgraph if time_s >= last.free_s else last.cached
        return Moment(
            time_s=time_s,
            waiting=tuple(sorted(waiting, key=lambda query: query.number)),
            cached=cached,
            serving=services[started - 1] if started else None,
            recent=tuple(services[max(finished - RECENT, 0) : finished]),
            totals=services[finished - 1].totals if finished else self.first_totals,
        )
