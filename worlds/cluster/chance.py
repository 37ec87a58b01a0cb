"""Chance that repeats: every draw is a function of the seed and of what is drawn for, never of the order of draws."""

import uuid
from collections.abc import Iterable
from hashlib import blake2b
from struct import Struct

import numpy as np
from numpy.typing import NDArray

# Letters and digits that Kubernetes uses in generated names (k8s.io/apimachinery/pkg/util/rand).
_SAFE = "bcdfghjklmnpqrstvwxz2456789"

_NOTHING_READ = blake2b(digest_size=8)  # copied for every draw, of which a world makes thousands
_BITS = Struct(">Q")


def digest(*parts: object) -> int:
    """Return 64 bits that depend on all parts."""
    read = _NOTHING_READ.copy()
    read.update("\x1f".join(map(str, parts)).encode())
    bits: int = _BITS.unpack(read.digest())[0]
    return bits


class Chance:
    """Draws for one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def fraction(self, *parts: object) -> float:
        """Draw from [0, 1)."""
        return digest(self._seed, *parts) / 2**64

    def between(self, low: float, high: float, *parts: object) -> float:
        """Draw from [low, high)."""
        return low + (high - low) * self.fraction(*parts)

    def letters(self, count: int, *parts: object) -> str:
        """Draw a name's suffix."""
        number = digest(self._seed, *parts)
        return "".join(_SAFE[(number >> (5 * i)) % len(_SAFE)] for i in range(count))

    def uid(self, *parts: object) -> str:
        """Draw a uid."""
        high, low = digest(self._seed, "uid", *parts), digest(self._seed, "uid2", *parts)
        return str(uuid.UUID(int=(high << 64) | low, version=4))

    def key(self, *parts: object) -> int:
        """Return the stream number for `noise`."""
        return digest(self._seed, *parts)


Keys = NDArray[np.uint64]


def noise(keys: Keys, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return white noise in [-1, 1], a row per key and a column per tick.

    A splitmix64 hash of (key, tick): any window can be drawn alone, in any order, with the same result.
    """
    with np.errstate(over="ignore"):
        z = (ticks.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + keys[:, None]
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    drawn: NDArray[np.float64] = (z >> np.uint64(11)).astype(np.float64) / float(2**52) - 1.0
    return drawn


def wander(keys: Keys, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return noise with a memory of about two minutes plus some white noise, a row per tick and a column per key."""
    return wandering(keys, ticks).T


def wandering(keys: Keys, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what `wander` does, shaped as `noise`."""
    steps = np.arange(ticks[0] // 8, ticks[-1] // 8 + 2, dtype=np.int64)
    knots = noise(keys, steps)
    place = ticks // 8 - steps[0]
    share = (ticks % 8) / 8.0
    slow = knots[:, place] * (1 - share) + knots[:, place + 1] * share
    drawn: NDArray[np.float64] = 0.65 * slow + 0.35 * noise(keys ^ np.uint64(0x5DEECE66D), ticks)
    return drawn


def keys_of(chance: Chance, purpose: str, names: Iterable[str]) -> Keys:
    """Return the stream numbers for `noise` of several names."""
    return np.array([chance.key(purpose, name) for name in names], dtype=np.uint64)
