"""Print how long the journal takes; ``python -m tests.store.stroke_times``.

Times are of this machine and this disk; they are not asserted anywhere.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from medlab_gui.store.journal import Journal

SHAPE = (119, 512, 512)


def main(n_strokes: int = 500) -> None:
    """Write round strokes of 60 pixels, then one edit of every slice."""
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[:60, :60]
    disc = (rows - 30) ** 2 + (columns - 30) ** 2 < 900
    mask = np.zeros(SHAPE, np.uint8)
    appends, flushes = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal" / "x.mlj"
        with Journal.open(path, SHAPE) as journal:
            for n in range(n_strokes):
                k, j, i = (int(rng.integers(size - 60)) for size in SHAPE)
                box = (slice(k, k + 1), slice(j, j + 60), slice(i, i + 60))
                before = mask[box].copy()
                mask[box][0, disc] = 1 + n % 2
                start = time.perf_counter()
                journal.append_edit("brush", box, before, mask[box], author="a")
                appends.append(time.perf_counter() - start)
                start = time.perf_counter()
                journal.flush()
                flushes.append(time.perf_counter() - start)
            whole = (slice(None),) * 3
            start = time.perf_counter()
            journal.append_edit("accept", whole, mask, mask + 1, author="a")
            everything = time.perf_counter() - start
        size = path.stat().st_size
        start = time.perf_counter()
        with Journal.open(path, SHAPE) as journal:
            opened = time.perf_counter() - start
            start = time.perf_counter()
            journal.replay(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE[0], bool), 0)
            replayed = time.perf_counter() - start
    for name, times in (("stroke", appends), ("flush behind it", flushes)):
        middle, high = np.percentile(times, [50, 95]) * 1e3
        print(f"{name:16} median {middle:7.3f} ms, 95 % {high:7.3f} ms")
    print(f"all {SHAPE[0]} slices   {everything * 1e3:7.1f} ms")
    print(f"open, {size / 1e6:.1f} MB   {opened * 1e3:7.1f} ms")
    print(f"replay           {replayed * 1e3:7.1f} ms")


if __name__ == "__main__":
    main()
