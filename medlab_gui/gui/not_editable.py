"""Why the slice shown cannot be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.i18n import _
from medlab_gui.core.measurements import Plane

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["why_not_editable"]


def why_not_editable(bench: Workbench) -> str:
    """Say why the slice shown cannot be edited; empty where it can.

    Parameters
    ----------
    bench : Workbench
        What is open, and how it is looked at.
    """
    session = bench.session
    if session is None:
        return _("No series is open.")
    if session.read_only:
        return session.read_only_reason
    if session.held:
        return session.held
    if session.k in session.locked:
        return _(
            "Slice {n} belongs to the locked validation set: it judges new "
            "weights and cannot be changed."
        ).format(n=session.k + 1)
    if bench.linked.slab(Plane.AXIAL).is_on:
        return _(
            "A slab of several slices is shown. To edit, show single slices: "
            "View > Slab."
        )
    return ""
