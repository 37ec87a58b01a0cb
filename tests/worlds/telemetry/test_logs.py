"""Log lines are written a tick after the other, only as far as somebody reads, and are the same whoever asks."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from worlds.estate.simulation import Simulation
from worlds.loki.engine import LogEngine, StreamsResult
from worlds.loki.storage import Direction, Entry
from worlds.promql.storage import Matcher, MatchOp
from worlds.scenario.load import load_scenario
from worlds.scenario.workload import Workload
from worlds.telemetry.logbook import LogBook
from worlds.telemetry.lokistore import EstateLogs
from worlds.telemetry.phrases import Phrase, write

REFERENCE = Path(__file__).parents[3] / "evals" / "scenarios" / "bad-deploy" / "checkout-memory-limit.yaml"
SHOP = (Matcher(name="namespace", op=MatchOp.EQUAL, value="shop"),)
NS = 1_000_000_000


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """The reference world at its now."""
    world = Simulation(load_scenario(REFERENCE))
    world.advance(world.at(0))
    return world


def selected(
    simulation: Simulation, direction: Direction, *, limit: int | None, start: float = -600.5, end: float = 3.25
) -> list[Entry]:
    """Lines of the shop from a new book."""
    logs = EstateLogs(simulation, LogBook(simulation))
    start_ns, end_ns = (int(simulation.at(offset) * NS) for offset in (start, end))
    return list(logs.select(SHOP, start_ns=start_ns, end_ns=end_ns, limit=limit, direction=direction))


@pytest.mark.parametrize("limit", [1, 40, 1000, 10**6])
def test_the_newest_lines_are_the_end_of_all_lines(simulation: Simulation, limit: int) -> None:
    every = selected(simulation, Direction.FORWARD, limit=None)
    assert every == sorted(every, key=lambda entry: entry.ns)
    assert len(every) > 1000
    assert selected(simulation, Direction.BACKWARD, limit=limit) == every[: -limit - 1 : -1]
    assert selected(simulation, Direction.FORWARD, limit=limit) == every[:limit]


def test_windows_side_by_side_hold_every_line_once(simulation: Simulation) -> None:
    edges = [-600.5, -431.7, -300.0, -299.999, -12.0, 3.25]
    parts = [
        entry
        for start, end in pairwise(edges)
        for entry in selected(simulation, Direction.FORWARD, limit=None, start=start, end=end)
    ]
    assert parts == selected(simulation, Direction.FORWARD, limit=None)


def test_only_what_is_read_is_written(simulation: Simulation) -> None:
    book = LogBook(simulation)
    logs = EstateLogs(simulation, book)
    start_ns, end_ns = (int(simulation.at(offset) * NS) for offset in (-3000, 0))
    logs_read = logs.select(SHOP, start_ns=start_ns, end_ns=end_ns, limit=50, direction=Direction.BACKWARD)
    oldest = min(entry.ns for entry in logs_read) / NS
    assert min(tick for _, tick in book._cache) * 15 >= oldest


def test_a_filtered_query_stops_at_its_limit(simulation: Simulation) -> None:
    engine = LogEngine(storage=EstateLogs(simulation, LogBook(simulation)))
    start_ns, end_ns = (int(simulation.at(offset) * NS) for offset in (-900, 0))

    def asked(query: str, limit: int) -> StreamsResult:
        answer = engine.range(
            query, start_ns=start_ns, end_ns=end_ns, step_ns=NS, limit=limit, direction=Direction.BACKWARD
        )
        assert isinstance(answer, StreamsResult)
        return answer

    plain, filtered = asked('{namespace="shop"}', 30), asked('{namespace="shop"} |= "GET"', 30)
    assert plain.lines_read == sum(len(stream.lines) for stream in plain.streams) == 30
    assert sum(len(stream.lines) for stream in filtered.streams) == 30 <= filtered.lines_read
    assert all("GET" in line for stream in filtered.streams for _, line in stream.lines)


@pytest.mark.parametrize("last", [0, 1, 30, 10_000])
def test_the_tail_of_a_process_is_the_end_of_all_it_wrote(simulation: Simulation, last: int) -> None:
    for uid in sorted(simulation.journal.pods)[:12]:
        every = LogBook(simulation).instance_lines(uid, 1, start=0.0)
        tail = LogBook(simulation).instance_lines(uid, 1, start=0.0, last=last)
        assert len(tail) >= min(last, len(every))
        assert list(every[len(every) - len(tail) :]) == list(tail)


@pytest.mark.parametrize("fraction", [0.0, 0.0004996, 0.25, 0.9990001, 0.9994999, 0.9999994, 0.9999998])
@pytest.mark.parametrize("second", [1_800_000_000, 1_800_000_059, 1_798_761_599])
def test_times_are_written_as_datetime_writes_them(second: int, fraction: float) -> None:
    at = second + fraction
    moment = datetime.fromtimestamp(at, tz=UTC)
    written = {
        language: write(
            Workload.model_validate({"name": "a", "language": language}), Phrase(level="info", text=""), at=at, draw=0.5
        )
        for language in ("go", "java", "python", "postgres", "redis", "nginx")
    }
    assert moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") in written["go"]
    assert written["java"].startswith(moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z ")
    assert written["python"].startswith(moment.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3] + " ")
    assert written["postgres"].startswith(moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC ")
    assert written["redis"].startswith("1:M " + moment.strftime("%d %b %Y %H:%M:%S.%f")[:-3] + " ")
    assert written["nginx"].startswith(moment.strftime("%Y/%m/%d %H:%M:%S") + " ")
