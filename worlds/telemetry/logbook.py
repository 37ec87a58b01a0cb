"""The lines that every process wrote, made from the tape when somebody asks. The same question gives the same lines."""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from worlds.estate.flow import TICK, EdgeField, PodField
from worlds.estate.journal import Lifetime
from worlds.estate.layout import Column
from worlds.estate.manifests import dns_name, service_port
from worlds.estate.simulation import Simulation
from worlds.estate.tape import Track
from worlds.scenario.effect import LogLine
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
# Ticks of single processes that are kept: a few hours of a whole estate.
_PAGES_KEPT = 60_000


_time = attrgetter("at")


class Line(NamedTuple):
    """One line. `at` is unix seconds."""

    at: float
    uid: str
    instance: int
    text: str


class Pages:
    """What one pod wrote in a window, a page per tick: pages that nobody reads are not written."""

    def __init__(
        self, book: "LogBook", uid: str, workload: Workload, *, track: Track, ticks: range, edges: Sequence[Line]
    ) -> None:
        self._book, self._uid, self._workload, self._track = book, uid, workload, track
        low, high = (int(i) for i in track.ticks.searchsorted([ticks.start, ticks.stop]))
        self._rows = dict(zip(track.ticks[low:high].tolist(), range(low, high), strict=True))
        self._edges: dict[int, list[Line]] = {}
        for line in edges:
            self._edges.setdefault(_tick_of(line.at), []).append(line)

    @property
    def ticks(self) -> Collection[int]:
        """The pages that there are."""
        return self._rows.keys() | self._edges.keys()

    def lines(self, tick: int) -> Sequence[Line]:
        """Return the lines of a page, oldest first: those of (tick - 1, tick] in units of TICK."""
        row, edges = self._rows.get(tick), self._edges.get(tick)
        usual = () if row is None else self._book.usual(self._uid, self._workload, tick, self._track.rows[row])
        return sorted([*edges, *usual], key=_time) if edges else usual


class LogBook:
    """Lines of all processes."""

    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._chance = world.cluster.chance
        self._workloads = {workload.key: workload for workload in world.scenario.estate.workloads}
        self._cache: dict[tuple[str, int], tuple[Line, ...]] = {}

    @property
    def now(self) -> float:
        """The virtual time, behind which nothing is written yet."""
        return self._world.cluster.now

    def instance_lines(
        self, uid: str, instance: int, *, start: float, last: int | None = None
    ) -> Sequence[tuple[float, str]]:
        """Return the lines of one process since `start`, of which the `last` so many suffice."""
        now = self.now
        pages = self.pages(uid, start=start, end=now + 1)
        found: list[tuple[float, str]] = []
        if pages is None:
            return found
        for tick in sorted(pages.ticks, reverse=True):
            if last is not None and len(found) >= last:
                break
            found += [
                (line.at, line.text)
                for line in reversed(pages.lines(tick))
                if line.instance == instance and start <= line.at <= now
            ]
        return found[::-1]

    def lines(self, uid: str, *, start: float, end: float) -> Iterator[Line]:
        """Yield a pod's lines in [start, end), oldest first."""
        pages, now = self.pages(uid, start=start, end=end), self.now
        if pages is None:
            return
        for tick in sorted(pages.ticks):
            yield from (line for line in pages.lines(tick) if start <= line.at < end and line.at <= now)

    def pages(self, uid: str, *, start: float, end: float) -> Pages | None:
        """Return the pages that hold a pod's lines in [start, end), and others; None for what writes none."""
        where = self._world.journal.pods.get(uid)
        workload = self._workloads.get(where[2]) if where else None
        if workload is None:
            return None
        edges = [
            line
            for life in self._world.journal.lifetimes(uid)
            if life.started < end and (life.ended is None or life.ended >= start - TICK)
            for line in self._edges_of_life(uid, workload, life, start=start)
        ]
        ticks = range(int(start // TICK), int(end // TICK) + 2)
        return Pages(self, uid, workload, track=self._world.tape.pod(uid), ticks=ticks, edges=edges)

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

    def usual(self, uid: str, workload: Workload, tick: int, row: Floats) -> tuple[Line, ...]:
        """Return what a process wrote in a tick besides its start and end, oldest first. Kept."""
        known = self._cache.get((uid, tick))
        if known is None:
            if len(self._cache) > _PAGES_KEPT:
                self._cache.clear()
            known = self._cache[uid, tick] = tuple(sorted(self._write_tick(uid, workload, tick, row), key=_time))
        return known

    def _write_tick(self, uid: str, workload: Workload, tick: int, row: Floats) -> list[Line]:
        figures: list[float] = row.tolist()
        column = self._world.tape.column_at(uid, tick)
        requests = min(_REQUEST_LINES, int(figures[PodField.RPS] * TICK))
        in_trouble, effects = figures[PodField.ERRORS] > _NOTICED, column.lines if column is not None else ()
        if not requests and not in_trouble and not effects:
            return []
        process = _Process(uid, workload, tick, figures, column)
        lines = [self._line_of_tick(process, "request", n, self._request) for n in range(requests)]
        if in_trouble:
            lines += [self._line_of_tick(process, "trouble", n, self._trouble) for n in range(self._troubles(process))]
        for number, phrase in enumerate(self._of_effects(process, effects)):
            lines.append(self._line_of_tick(process, "effect", number, partial(_settled, phrase)))
        return lines

    def _line_of_tick(self, process: "_Process", purpose: str, number: int, phrase: "_Wording") -> Line:
        """Draw when in its tick a line was written; what it says depends on that draw."""
        draw = self._chance.fraction(purpose, process.uid, process.tick, number)
        at = process.tick * TICK - draw * TICK
        return self._line(process.uid, process.workload, process.instance, at, phrase(process, draw))

    def _troubles(self, process: "_Process") -> int:
        """How many lines about trouble are written."""
        troubled = process.row[PodField.RPS] * TICK * process.row[PodField.ERRORS]
        return min(int(troubled * 0.5 + self._chance.fraction("some", process.uid, process.tick)), _TROUBLE_LINES)

    def _request(self, process: "_Process", draw: float) -> phrases.Phrase:
        workload, errors, drawn = process.workload, process.row[PodField.ERRORS], str(draw)
        failed = errors > 0 and self._chance.fraction("failed", process.uid, process.tick, drawn) < errors
        structured = workload.language in phrases.STRUCTURED
        return phrases.request_line(
            workload,
            route=workload.routes[int(draw * len(workload.routes))],
            status=500 if failed else 200,
            milliseconds=process.row[PodField.LATENCY] * 1000 * (0.5 + 1.3 * draw),
            trace=f"{self._chance.key('trace', process.uid, process.tick, drawn):016x}" if structured else "",
        )

    def _trouble(self, process: "_Process", draw: float) -> phrases.Phrase:
        """Pick what a failing request is said to have failed of, in proportion."""
        workload, row, column = process.workload, process.row, process.column
        overload, garbage, dependency = row[PodField.OVERLOAD], row[PodField.GARBAGE], row[PodField.DEPENDENCY]
        total = overload + garbage + dependency + row[PodField.EFFECT]
        point = draw * max(total, 1e-9)
        if total < _NOTICED / 2:
            return phrases.unexpected(workload, draw=draw)
        if column is not None and column.drained and row[PodField.DRAINED] >= 1:
            return phrases.drained(workload, resource=column.drained, draw=draw)
        if point < overload:
            return phrases.overload(workload, draw=draw)
        if point < overload + garbage:
            return phrases.memory_tight(workload, draw=draw)
        if point < overload + garbage + dependency and 0 <= int(row[PodField.WORST_CALL]) < len(workload.calls):
            return self._call_failed(process, draw)
        return phrases.unexpected(workload, draw=draw)

    def _call_failed(self, process: "_Process", draw: float) -> phrases.Phrase:
        """Say that the call failed which fails most; why is found out once per tick."""
        workload, worst = process.workload, int(process.row[PodField.WORST_CALL])
        call = workload.calls[worst]
        callee = self._workloads[resolve(call.to, workload=workload)]
        if process.why is None:
            column = process.column
            wrong = column.wrong_address[worst] if column is not None and column.wrong_address else ""
            refused = wrong or self._world.refusal_of(callee.key, process.tick)
            process.why = refused or self._too_late(workload, call, callee, process.tick)
        address = f"{dns_name(callee)}:{service_port(callee)}"
        return phrases.call_failed(workload, callee=callee.name, address=address, why=process.why, draw=(draw * 7) % 1)

    def _too_late(self, workload: Workload, call: Call, callee: Workload, tick: int) -> str:
        """Say that the answer took too long, when that is why most calls failed."""
        track = self._world.tape.edge(workload.key, callee.key)
        at = min(int(track.ticks.searchsorted(tick)), len(track.ticks) - 1)
        late = at >= 0 and float(track.rows[at, EdgeField.LATENCY]) >= _LATE * call.timeout
        return f"timed out after {call.timeout * 1000:.0f}ms" if late else ""

    def _of_effects(self, process: "_Process", effects: Sequence[LogLine]) -> Iterator[phrases.Phrase]:
        """Yield the lines of the effects that were in force on the process then."""
        for line in effects:
            expected = line.per_minute * TICK / 60.0
            for number in range(int(expected + self._chance.fraction("line", process.uid, process.tick, line.text))):
                text = line.text.replace("{n}", str((process.tick * 7 + number) % 997))
                yield phrases.Phrase(level=line.level, text=text, logger="app")

    def _line(self, uid: str, workload: Workload, instance: int, at: float, phrase: phrases.Phrase) -> Line:
        draw = self._chance.fraction("draw", uid, at) if workload.language in phrases.NUMBERED else 0.0
        return Line(at, uid, instance, phrases.write(workload, phrase, at=at, draw=draw))


class _Process:
    """One process in one tick. `row` has a figure per PodField; `why` is of what its worst call failed, once known."""

    __slots__ = ("column", "instance", "row", "tick", "uid", "why", "workload")

    def __init__(self, uid: str, workload: Workload, tick: int, row: Sequence[float], column: Column | None) -> None:
        self.uid, self.workload, self.tick, self.row, self.column = uid, workload, tick, row, column
        self.instance = int(row[PodField.INSTANCE])
        self.why: str | None = None


_Wording: TypeAlias = Callable[[_Process, float], phrases.Phrase]


def _settled(phrase: phrases.Phrase, _process: _Process, _draw: float) -> phrases.Phrase:
    return phrase


def _tick_of(at: float) -> int:
    """Return the tick in which a time lies; ticks are closed at their end."""
    return -int(-at // TICK)
