"""What a person chooses in the window and finds again next time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import StorageFullError
from medlab_gui.core.i18n import _
from medlab_gui.core.settings import save_settings

if TYPE_CHECKING:
    from medlab_gui.gui.workbench import Workbench

__all__ = ["remember"]


def remember(bench: Workbench, **changes: Any) -> None:
    """Make changed settings hold now and write them to the user's file.

    Where the file cannot be written, they hold until the window closes, and the person
    is told.

    Parameters
    ----------
    bench : Workbench
        Its ``settings`` are replaced.
    **changes
        Fields of `Settings` in plain data, as they stand in the file.
    """
    given = bench.settings.model_dump() | changes
    bench.settings = type(bench.settings).model_validate(given)
    try:
        save_settings(**changes)
    except StorageFullError as error:
        bench.warn(
            _("The choice holds until MedLab closes. {reason}").format(
                reason=error.message
            )
        )
