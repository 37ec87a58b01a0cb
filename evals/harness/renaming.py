"""Gives everything in a scenario another name, at random by a seed, so that nothing can be learned by name.

Namespaces, workloads, node pools, repositories, images, teams, people, hosts, the cluster and the organisation change
wherever they stand: in the estate, in faults and decoys, in texts, and in the truth. What happens stays the same. Pure.
"""

import random
import re
from collections.abc import Iterable
from typing import Any

from worlds.scenario.estate import Estate
from worlds.scenario.scenario import Scenario

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_SYLLABLES = (2, 4)
"""Syllables of a made-up word, at least and at most."""
_UNTOUCHED = frozenset(
    {
        *("kind", "language", "http_metrics", "level", "strategy", "scheme", "reason", "manager", "component"),
        *("cause", "actions", "must_not", "unavailable", "forbidden", "forbidden_resources", "missing_metrics"),
        *("storage_class", "instance_type", "zones", "region", "version", "tag", "routes", "apiVersion", "k8s-app"),
    }
)
"""Keys whose values are words of the format or of a system, not names that somebody gave."""
_KEYED_BY_NAMES = frozenset({"calls_fail"})
"""Keys of tables that are looked up by somebody's name."""
_OF_THE_SCENARIO = frozenset({"name", "family", "title", "notes", "rules"})
"""Keys of the scenario itself: they are for its readers, and are served to nobody."""
_SYSTEM = "kube-"
"""How namespaces begin in which the cluster's own parts live: nobody in the estate gave them their names."""


def renamed(scenario: Scenario, seed: int) -> Scenario:
    """The same scenario with other names: the same seed gives the same names."""
    change = _Change(_names(scenario.estate, authors=_authors(scenario)), seed=seed)
    plain = scenario.model_dump(mode="json")
    kept = {key: plain[key] for key in _OF_THE_SCENARIO}
    return Scenario.model_validate({**{key: change.within(key, value) for key, value in plain.items()}, **kept})


def _names(estate: Estate, *, authors: Iterable[str]) -> list[str]:
    """Every name that somebody gave, each once, in a fixed order."""
    workloads = [one for one in estate.workloads if not one.namespace.startswith(_SYSTEM)]
    spaces = [one.name for one in estate.namespaces if not one.name.startswith(_SYSTEM)]
    given = [
        *(estate.cluster, estate.organisation),
        *(pool.name for pool in estate.nodes),
        *spaces,
        *(name for w in workloads for name in (w.name, w.namespace, w.team, w.repository)),
        *(w.image.rpartition("/")[2] for w in workloads),
        *(w.host.split(".")[-2] for w in workloads if w.host.count(".") > 0),
        *authors,
    ]
    return sorted({name for name in given if name})


def _authors(scenario: Scenario) -> list[str]:
    return [author for fault in (*scenario.faults, *scenario.decoys) if (author := getattr(fault, "author", ""))]


class _Change:
    """Old names to new ones, and how they are found in a text: as whole words, also inside hyphenated ones."""

    def __init__(self, names: Iterable[str], *, seed: int) -> None:
        self.new = _made_up(names, seed=seed)
        self.new |= {_variable(old): _variable(new) for old, new in list(self.new.items())}
        words = "|".join(re.escape(name) for name in sorted(self.new, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])")

    def within(self, key: str, value: Any) -> Any:
        """The value with new names."""
        if key in _UNTOUCHED:
            return value
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.within("", one) for one in value]
            case dict():
                rename = self.text if key in _KEYED_BY_NAMES else self._key
                return {rename(name): self.within(name, one) for name, one in value.items()}
            case _:
                return value

    def text(self, text: str) -> str:
        """A text with new names."""
        return self._pattern.sub(lambda found: self.new[found[0]], text)

    def _key(self, key: str) -> str:
        """Only environment variables: they are named after what they point at (`ORDERS_DB_ADDR`)."""
        return self.text(key) if key.isupper() else key


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def _made_up(names: Iterable[str], *, seed: int) -> dict[str, str]:
    chance = random.Random(seed)  # noqa: S311 - names, no secrets
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        word = _word(chance)
        while word in taken:
            word = _word(chance)
        taken.add(word)
        found[name] = word
    return found


def _word(chance: random.Random) -> str:
    """`tavoli`, `rumedato`: a name that means nothing, as Kubernetes and DNS accept it."""
    count = chance.randint(*_SYLLABLES)
    return "".join(chance.choice(_CONSONANTS) + chance.choice(_VOWELS) for _ in range(count))
