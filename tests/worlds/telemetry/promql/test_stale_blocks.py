"""Series that end together are evaluated together, and one that ends by itself loses nobody else's samples."""

import numpy as np

from worlds.promql.sampling import Block, without_stale_markers
from worlds.promql.storage import STALE_NAN

STAMPS = np.arange(4, dtype=np.int64) * 15_000


def block(*rows: list[float]) -> Block:
    return Block(labels=[{"row": str(number)} for number in range(len(rows))], stamps=STAMPS, values=np.array(rows))


def test_rows_with_the_same_markers_stay_one_block() -> None:
    ended = [1.0, 2.0, STALE_NAN, 4.0]
    together, alone, calm = without_stale_markers(
        block(ended, [0.0, 0.0, 0.0, STALE_NAN], [5.0, 6.0, 7.0, 8.0], [9.0, 9.0, STALE_NAN, 9.0])
    )
    assert [one["row"] for one in together.labels] == ["0", "3"]
    assert together.stamps.tolist() == [0, 15_000, 45_000]
    assert together.values.tolist() == [[1.0, 2.0, 4.0], [9.0, 9.0, 9.0]]
    assert [one["row"] for one in alone.labels] == ["1"]
    assert alone.stamps.tolist() == [0, 15_000, 30_000]
    assert calm.values.tolist() == [[5.0, 6.0, 7.0, 8.0]]


def test_a_block_without_markers_is_left_as_it_is() -> None:
    calm = block([1.0, float("nan"), 3.0, 4.0])
    assert without_stale_markers(calm) == [calm], "an ordinary NaN is no marker"
