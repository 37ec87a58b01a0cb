"""Looks for every kind of obstacle: the modules of this folder that have a `look`. A new one is one new file."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from orchestrator.twin import obstacles
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.trial import Trial


def looked(trial: Trial) -> Looked:
    """What all of them found."""
    found = Looked()
    for look in _looks():
        found += look(trial)
    return found


@cache
def _looks() -> tuple[Callable[[Trial], Looked], ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(obstacles.__path__))
    modules = [importlib.import_module(f"{obstacles.__name__}.{name}") for name in names if name != "looking"]
    return tuple(module.look for module in modules if hasattr(module, "look"))
