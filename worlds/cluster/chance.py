"""Chance that repeats: every draw is a function of the seed and of what is drawn for, never of the order of draws."""

import hashlib
import uuid

import numpy as np
from numpy.typing import NDArray

# Letters and digits that Kubernetes uses in generated names (k8s.io/apimachinery/pkg/util/rand).
_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def digest(*parts: object) -> int:
    """Return 64 bits that depend on all parts."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


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


def noise(key: int, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return white noise in [-1, 1] per tick: a splitmix64 hash of (key, tick), so that any window can be drawn alone."""
    with np.errstate(over="ignore"):
        z = (ticks.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) / float(2**52) - 1.0


def wander(key: int, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return noise with a memory of about two minutes plus some white noise, in [-1, 1]."""
    coarse = ticks // 8
    share = (ticks % 8) / 8.0
    slow = noise(key, coarse) * (1 - share) + noise(key, coarse + 1) * share
    return 0.65 * slow + 0.35 * noise(key ^ 0x5DEECE66D, ticks)
