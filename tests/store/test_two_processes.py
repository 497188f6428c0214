"""Two windows on one project: nothing is lost, nothing is locked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.records import ItemState, Series, WorkItem

if TYPE_CHECKING:
    from medlab_gui.store.project import ProjectStore

ROOT = Path(__file__).parents[2]

WORKER = """
import json, sys
import numpy as np
from medlab_gui.core.errors import ConflictError
from medlab_gui.core.records import ItemState, Score, Study
from medlab_gui.store.project import DEFAULT_SCHEME, ProjectStore

place, uid, me = sys.argv[1:]
saved, conflicts, states = [], 0, []
sys.stdin.readline()
with ProjectStore.open(place) as store:
    mask = np.zeros(store.series(uid).grid.shape, np.uint8)
    for n in range(25):
        mask[int(me), 0, n % 20] = 1 + n % 2
        latest = store.latest_annotation(uid)
        try:
            made = store.add_annotation(
                uid, mask, DEFAULT_SCHEME, confirmed=[int(me)], author=me,
                parent=latest.id if latest else None,
            )
            saved.append(made.id)
        except ConflictError:
            conflicts += 1
        item = store.items()[n % 6]
        try:
            store.set_item_state(
                item.id, ItemState.OPEN, version=item.version, assignee=me
            )
            states.append(item.id)
        except ConflictError:
            conflicts += 1
        store.add_study(Study(f"writer{me}.{n}", "p"))
        store.put_scores([Score(uid, n % 6, "c", "entropy", n / 25)])
print(json.dumps({"saved": saved, "conflicts": conflicts, "states": states}))
"""


def test_two_writers_at_once(store: ProjectStore, series: Series) -> None:
    store.replace_queue(
        [WorkItem("", series.uid, k, 0.5, 0.5, "", ItemState.QUEUED) for k in range(6)]
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(store.folder), series.uid, str(me)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for me in (0, 1)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    told = []
    for child in children:
        output, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors
        told.append(json.loads(output))
    # Whoever was told "saved" is in the one chain of revisions.
    revisions = store.annotations(series.uid)
    assert {a.id for a in revisions} == {*told[0]["saved"], *told[1]["saved"]}
    assert [a.revision for a in revisions] == list(range(1, len(revisions) + 1))
    assert [a.parent for a in revisions] == [None, *(a.id for a in revisions[:-1])]
    for annotation in revisions:
        assert store.verify_blob(annotation.blob)
        mask = store.annotation_mask(annotation)
        # Only its author's slice, whole: no mixture of two writers.
        assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [
            int(annotation.author)
        ]
    # A state that was set counts once in the item's version, a refused one never.
    changes = sum(item.version - 1 for item in store.items())
    assert changes == len(told[0]["states"]) + len(told[1]["states"])
    accounted = len(revisions) + changes + told[0]["conflicts"] + told[1]["conflicts"]
    assert accounted == 100
    assert len(store.studies()) == 1 + 50
    assert len(store.scores("c")) == 6
    assert store.health() == []
