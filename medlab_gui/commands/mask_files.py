"""Masks from files, brought onto one grid so that they can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.inputs import refuse_black_and_white
from medlab_gui.commands.values import as_path, parse_class_map
from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.geometry import Grid
from medlab_gui.core.labels import REST
from medlab_gui.io.wording import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MaskFile", "read_mask_file", "shared_grid"]


@dataclass(frozen=True, eq=False)
class MaskFile:
    """A mask as it was read.

    Parameters
    ----------
    path : str
        Where from.
    values : ndarray of uint8, shape (Z, Y, X)
        Class values, translated.
    grid : Grid or None
        None where the file has no geometry.
    """

    path: str
    values: NDArray[np.uint8]
    grid: Grid | None

    def on(self, grid: Grid, other: str) -> NDArray[np.uint8]:
        """Return the values on the grid of another mask; nothing is interpolated.

        Parameters
        ----------
        grid : Grid
            Where they are wanted.
        other : str
            Whose grid that is, for the message.

        Raises
        ------
        GeometryError
            If the two are not the same voxels.
        """
        from medlab_gui.io import mask_on_grid

        try:
            return mask_on_grid(self.values, self.grid, grid)
        except GeometryError as error:
            msg = (
                "The two masks do not lie on the same grid, and MedLab does not "
                f"interpolate masks: {self.path} has "
                f"{_described(self.grid or self.values.shape)}, {other} has "
                f"{_described(grid)}. Use masks of the very same scan, or export one "
                "of them again on the grid of its scan."
            )
            raise GeometryError(msg) from error


def read_mask_file(path: str, translate: str, option: str) -> MaskFile:
    """Read a mask and translate its values.

    Parameters
    ----------
    path : str
        What `io.read_mask` reads.
    translate : str
        Such as ``"5=1,1=2"`` or ``"liver=1"``; nothing keeps the values.
    option : str
        What that is called on the command line, for messages.

    Raises
    ------
    InputError
        If it is no mask, or holds values that a mask cannot hold.
    """
    from medlab_gui.io import read_mask

    table = parse_class_map(translate) or {}
    labels = {k: v for k, v in table.items() if isinstance(k, str)}
    values, grid = read_mask(as_path(path), labels)
    return MaskFile(path, _translated(values, translate, path, option), grid)


def shared_grid(truth: MaskFile, others: Sequence[MaskFile]) -> tuple[Grid, bool]:
    """Return the grid on which masks are compared, and whether it has millimetres.

    A mask without geometry lies where another one does; where none has any, voxels are
    1 x 1 x 1 and distances are in pixels.
    """
    known = [mask.grid for mask in (truth, *others) if mask.grid is not None]
    if not known:
        z, y, x = truth.values.shape
        return Grid.from_spacing((z, y, x), (1, 1, 1)), False
    return known[0], True


def _described(grid: Grid | tuple[int, ...]) -> str:
    if isinstance(grid, tuple):
        return f"{' x '.join(str(n) for n in grid)} voxels and no geometry"
    return placed(grid)


def _translated(
    mask: NDArray[Any], text: str, name: str, option: str
) -> NDArray[np.uint8]:
    import numpy as np

    table = parse_class_map(text)
    if table is not None and REST in table:
        msg = f"{option} names the values that count; all others are background."
        raise InputError(msg)
    if table is not None and not any(isinstance(k, str) for k in table):
        result = np.zeros(mask.shape, np.uint8)
        for source, target in table.items():
            result[mask == source] = target
        return result
    if table is None:
        refuse_black_and_white(np.unique(mask).tolist(), name, option)
    if mask.min() < 0 or mask.max() > 255:
        msg = (
            f"A mask holds whole numbers from 0 to 255; {name} holds {mask.min()} to "
            f"{mask.max()}. Is it a mask? If so, name the values that count, e.g. "
            f"{option} 1005=1."
        )
        raise InputError(msg)
    return mask.astype(np.uint8)
