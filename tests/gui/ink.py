"""What must hold after every act: the mask that is seen is the one on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.store.fold import current_mask
from medlab_gui.store.project import ProjectStore

if TYPE_CHECKING:
    from medlab_gui.gui.window import MedlabWindow

__all__ = ["n_strokes", "same_on_disk"]


def same_on_disk(window: MedlabWindow) -> bool:
    """Tell whether another program, reading the files now, sees the window's mask."""
    bench = window.bench
    session = bench.session
    assert session is not None
    with ProjectStore.open(bench.project_place) as store:
        mask, confirmed, _seq = current_mask(store, session.series_uid)
    alike = np.array_equal(mask, session.mask)
    return alike and np.array_equal(confirmed, session.confirmed)


def n_strokes(window: MedlabWindow) -> int:
    """Count the edits that an undo would take back one by one."""
    session = window.bench.session
    assert session is not None
    return len(session._journal.done)
