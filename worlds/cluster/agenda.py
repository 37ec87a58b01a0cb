"""What will happen when: a queue of actions in virtual time. Equal times run in the order in which they were put in."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Appointment:
    """One planned action. `at` is unix seconds."""

    at: float
    order: int
    action: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        """See to it that the action does not run."""
        self.cancelled = True


class Agenda:
    """The queue. It does not know the time: whoever runs it takes out what is due."""

    def __init__(self) -> None:
        # Time and order stand beside each appointment: tuples are compared faster than objects.
        self._queue: list[tuple[float, int, Appointment]] = []
        self._order = itertools.count()

    def put(self, at: float, action: Callable[[], object]) -> Appointment:
        """Plan an action."""
        appointment = Appointment(at, next(self._order), action)
        heapq.heappush(self._queue, (at, appointment.order, appointment))
        return appointment

    def next_at(self) -> float:
        """Return when the next action is due; infinity when nothing is planned."""
        while self._queue and self._queue[0][2].cancelled:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else float("inf")

    def take(self) -> Appointment:
        """Remove and return the next action. Raises IndexError when nothing is planned."""
        self.next_at()
        return heapq.heappop(self._queue)[2]
