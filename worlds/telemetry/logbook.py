"""The lines that every process wrote, made from the tape when somebody asks. The same question gives the same lines."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from worlds.cluster.chance import Chance
from worlds.estate.flow import TICK, EdgeField, PodField
from worlds.estate.journal import Lifetime
from worlds.estate.layout import Column
from worlds.estate.manifests import dns_name, service_port
from worlds.estate.simulation import Simulation
from worlds.scenario.estate import resolve
from worlds.scenario.workload import Call, Workload
from worlds.telemetry import phrases
from worlds.telemetry.grid import Floats

# Access logs are sampled: at most this many request lines per process and tick, and lines about trouble.
_REQUEST_LINES = 2
_TROUBLE_LINES = 5
# Of the requests that fail, every so many write a line; below this share of failures nothing but noise is seen.
_NOTICED = 0.0015
# Median of a call by its timeout from which its failures are mostly timeouts.
_LATE = 0.4


class Line(NamedTuple):
    """One line. `at` is unix seconds."""

    at: float
    uid: str
    instance: int
    text: str


class LogBook:
    """Lines of all processes."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._workloads = {workload.key: workload for workload in world.scenario.estate.workloads}
        self._cache: dict[tuple[str, int], tuple[Line, ...]] = {}

    @property
    def chance(self) -> Chance:
        """The world's chance."""
        return self._world.cluster.chance

    def instance_lines(self, uid: str, instance: int, *, start: float) -> Sequence[tuple[float, str]]:
        """Return the lines of one process since `start`."""
        now = self._world.cluster.now
        return [(line.at, line.text) for line in self.lines(uid, start=start, end=now + 1) if line.instance == instance]

    def lines(self, uid: str, *, start: float, end: float) -> Iterator[Line]:
        """Yield a pod's lines in [start, end), oldest first."""
        where = self._world.journal.pods.get(uid)
        workload = self._workloads.get(where[2]) if where else None
        if workload is None:
            return
        found: list[Line] = []
        for life in self._world.journal.lifetimes(uid):
            if life.started < end and (life.ended is None or life.ended >= start - TICK):
                found += self._edges_of_life(uid, workload, life, start=start)
        track = self._world.tape.pod(uid)
        first, last = int(start // TICK), int(end // TICK) + 1
        low, high = (int(i) for i in track.ticks.searchsorted([first, last + 1]))
        for row in range(low, high):
            found += self._tick(uid, workload, int(track.ticks[row]), track.rows[row])
        now = self._world.cluster.now
        yield from (line for line in sorted(found, key=lambda one: one.at) if start <= line.at < end and line.at <= now)

    def _edges_of_life(self, uid: str, workload: Workload, life: Lifetime, *, start: float) -> Iterator[Line]:
        version = workload.tag
        for number, phrase in enumerate(phrases.starting_lines(workload, version=version)):
            at = life.started + 0.3 + number * workload.behaviour.startup * 0.4
            if at >= start and (life.ended is None or at < life.ended):
                yield self._line(uid, workload, life.instance, at, phrase)
        for number, words in enumerate(life.last_words):
            at = (life.ended or life.started) - 0.02 * (len(life.last_words) - number)
            text = words if "\t" in words or words.startswith((" ", "Traceback", "panic", "Exception")) else None
            phrase = phrases.Phrase(level="fatal", text=words, logger="main")
            yield Line(
                at=at, uid=uid, instance=life.instance, text=text or phrases.write(workload, phrase, at=at, draw=0.5)
            )

    def _tick(self, uid: str, workload: Workload, tick: int, row: Floats) -> tuple[Line, ...]:
        known = self._cache.get((uid, tick))
        if known is None:
            if len(self._cache) > 60_000:  # noqa: PLR2004 - a few hours of a whole estate
                self._cache.clear()
            known = self._cache[uid, tick] = tuple(self._write_tick(uid, workload, tick, row))
        return known

    def _write_tick(self, uid: str, workload: Workload, tick: int, row: Floats) -> Iterator[Line]:
        instance, end = int(row[PodField.INSTANCE]), tick * TICK
        rps, failed = float(row[PodField.RPS]), float(row[PodField.ERRORS])
        for number in range(min(_REQUEST_LINES, int(rps * TICK))):
            draw = self.chance.fraction("request", uid, tick, number)
            yield self._line(uid, workload, instance, end - draw * TICK, self._request(workload, row, uid, tick, draw))
        troubled = rps * TICK * failed
        count = (
            min(int(troubled * 0.5 + self.chance.fraction("some", uid, tick)), _TROUBLE_LINES)
            if failed > _NOTICED
            else 0
        )
        column = self._world.tape.column_at(uid, tick)
        for number in range(count):
            draw = self.chance.fraction("trouble", uid, tick, number)
            yield self._line(
                uid, workload, instance, end - draw * TICK, self._trouble(workload, column, row, tick, draw)
            )
        for number, phrase in enumerate(self._of_effects(column, uid, tick)):
            draw = self.chance.fraction("effect", uid, tick, number)
            yield self._line(uid, workload, instance, end - draw * TICK, phrase)

    def _request(self, workload: Workload, row: Floats, uid: str, tick: int, draw: float) -> phrases.Phrase:
        failed = self.chance.fraction("failed", uid, tick, draw) < float(row[PodField.ERRORS])
        milliseconds = float(row[PodField.LATENCY]) * 1000 * (0.5 + 1.3 * draw)
        route = workload.routes[int(draw * len(workload.routes))]
        trace = f"{self.chance.key('trace', uid, tick, draw):016x}"
        status = 500 if failed else 200
        return phrases.request_line(workload, route=route, status=status, milliseconds=milliseconds, trace=trace)

    def _trouble(
        self, workload: Workload, column: Column | None, row: Floats, tick: int, draw: float
    ) -> phrases.Phrase:
        """Pick what a failing request is said to have failed of, in proportion."""
        parts = [
            float(row[field]) for field in (PodField.OVERLOAD, PodField.GARBAGE, PodField.DEPENDENCY, PodField.EFFECT)
        ]
        total = sum(parts)
        point = draw * max(total, 1e-9)
        worst = int(row[PodField.WORST_CALL])
        if total < _NOTICED / 2:
            return phrases.unexpected(workload, draw=draw)
        if column is not None and column.drained and float(row[PodField.DRAINED]) >= 1:
            return phrases.drained(workload, resource=column.drained, draw=draw)
        if point < parts[0]:
            return phrases.overload(workload, draw=draw)
        if point < parts[0] + parts[1]:
            return phrases.memory_tight(workload, draw=draw)
        if point < parts[0] + parts[1] + parts[2] and 0 <= worst < len(workload.calls):
            callee = self._workloads[resolve(workload.calls[worst].to, workload=workload)]
            why = column.wrong_address[worst] if column is not None and column.wrong_address else ""
            why = why or self._world.refusal_of(callee.key, tick)
            why = why or self._too_late(workload, workload.calls[worst], callee, tick)
            address = f"{dns_name(callee)}:{service_port(callee)}"
            return phrases.call_failed(workload, callee=callee.name, address=address, why=why, draw=(draw * 7) % 1)
        return phrases.unexpected(workload, draw=draw)

    def _too_late(self, workload: Workload, call: Call, callee: Workload, tick: int) -> str:
        """Say that the answer took too long, when that is why most calls failed."""
        track = self._world.tape.edge(workload.key, callee.key)
        at = min(int(track.ticks.searchsorted(tick)), len(track.ticks) - 1)
        late = at >= 0 and float(track.rows[at, EdgeField.LATENCY]) >= _LATE * call.timeout
        return f"timed out after {call.timeout * 1000:.0f}ms" if late else ""

    def _of_effects(self, column: Column | None, uid: str, tick: int) -> Iterator[phrases.Phrase]:
        """Yield the lines of the effects that were in force on the process then."""
        for line in column.lines if column is not None else ():
            expected = line.per_minute * TICK / 60.0
            for number in range(int(expected + self.chance.fraction("line", uid, tick, line.text))):
                yield phrases.Phrase(
                    level=line.level, text=line.text.replace("{n}", str((tick * 7 + number) % 997)), logger="app"
                )

    def _line(self, uid: str, workload: Workload, instance: int, at: float, phrase: phrases.Phrase) -> Line:
        draw = self.chance.fraction("draw", uid, at)
        return Line(at=at, uid=uid, instance=instance, text=phrases.write(workload, phrase, at=at, draw=draw))
