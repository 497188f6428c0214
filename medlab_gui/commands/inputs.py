"""Where commands get their arrays: from a path, or from a series of the project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError
from medlab_gui.core.labels import IGNORE, REST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.commands.command import Context
    from medlab_gui.core.geometry import Reorientation
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.records import Problem
    from medlab_gui.core.volume import Volume

__all__ = [
    "Input",
    "existing_path",
    "mapped",
    "open_input",
    "problem_lines",
    "read_labels",
    "refuse_black_and_white",
    "scaled",
]

_FILE_ENDINGS = (".nii", ".gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")


@dataclass(frozen=True)
class Input:
    """A scan, ready to be worked on.

    Parameters
    ----------
    volume : Volume
        On the working grid: axial, from the feet to the head.
    back : Reorientation
        Leads from the file's own grid to the working grid; ``back.restore`` returns.
    name : str
        What a person reads.
    series_uid : str or None
        The project's series; None where the scan comes from a path.
    files : tuple of Path
        What was read; empty where the scan comes from the project.
    problems : tuple of Problem
        What is odd about it.
    padding : tuple of float or None
        Lowest and highest of the values that only fill the picture.
    """

    volume: Volume
    back: Reorientation
    name: str
    series_uid: str | None
    files: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    padding: tuple[float, float] | None = None

    @property
    def measured(self) -> NDArray[Any]:
        """Voxels for computing: filling values are as dark as the darkest measured."""
        from medlab_gui.imaging.padding import without_padding

        return without_padding(self.volume.data, self.padding)


def existing_path(text: str) -> Path | None:
    """Return the path that somebody wrote, or None where nothing is there.

    Raises
    ------
    InputError
        If the system does not let us look.
    """
    path = as_path(text)
    try:
        return path if path.exists() else None
    except OSError as error:
        msg = f"{path} cannot be opened: {error.strerror or error}. Check the name."
        raise InputError(msg, path=path) from error


def open_input(place: str, ctx: Context, series: str = "") -> Input:
    """Read a scan from a path, or from the project by its UID.

    Parameters
    ----------
    place : str
        A path that exists, or the UID of a series in the project.
    ctx : Context
        Project, progress and cancellation.
    series : str
        Which series of the path, where it holds several.

    Raises
    ------
    InputError
        If it is neither.
    """
    path = existing_path(place)
    if path is not None:
        from medlab_gui.io import read_one

        found, native = read_one(path, series or None, progress=ctx.progress)
        how = native.grid.canonical()
        name = found.description or path.name
        return Input(
            native.reoriented(how),
            how,
            name,
            None,
            found.files,
            found.problems,
            found.display.padding,
        )
    if "/" in place or "\\" in place or place.lower().endswith(_FILE_ENDINGS):
        msg = f"{place} does not exist. Check the name of the file or folder."
        raise InputError(msg)
    from medlab_gui.core.volume import Volume

    with ctx.store() as store:
        if not store.has_series(place):
            msg = (
                f"{place!r} is neither a path nor a series of the project "
                f"{ctx.project_place}. `medlab list` names its series."
            )
            raise InputError(msg)
        record = store.series(place)
        volume = Volume(
            store.array(record.blob),
            record.grid,
            record.modality,
            record.units,
            record.uid,
        )
        return Input(
            volume,
            record.reorientation,
            record.description,
            record.uid,
            problems=record.problems,
            padding=record.display.padding,
        )


def mapped(
    mask: NDArray[Any],
    class_map: Mapping[int, int] | Mapping[int | str, int] | None,
    allowed: Iterable[int],
    name: str,
) -> NDArray[np.uint8]:
    """Return a mask with its values translated to the project's classes.

    Parameters
    ----------
    mask : ndarray of int, shape (Z, Y, X)
        As read.
    class_map : mapping or None
        Value in the file to value of the class; values not named become background.
        None keeps the values. Names are for Labelme files.
    allowed : iterable of int
        Values that the classes have, 0 and 255 included.
    name : str
        Of the file, for the message.

    Raises
    ------
    InputError
        If a value is not one of the classes'.
    """
    import numpy as np

    allowed = set(allowed)
    values = [int(v) for v in np.unique(mask)]
    if class_map is None:
        refuse_black_and_white(values, name, "--map")
    table: dict[int, int] = {} if class_map is not None else {v: v for v in values}
    for source, target in (class_map or {}).items():
        if isinstance(source, str):
            msg = (
                f"{name} holds numbers and no names, so {source}={target} means "
                "nothing there; write e.g. 5=1."
            )
            raise InputError(msg)
        table[source] = target
    _refuse_other_values(values, table, name, is_map=class_map is not None)
    wrong = sorted({table.get(v, 0) for v in values} - allowed)
    if wrong:
        which = f"{', '.join(map(str, wrong[:8]))}{' ...' if len(wrong) > 8 else ''}"
        no_class = "which is no class" if len(wrong) == 1 else "which are no classes"
        known = f"{no_class} here (known: {', '.join(map(str, sorted(allowed)))})"
        noun = "value" if len(wrong) == 1 else "values"
        msg = f"The mask {name} holds the {noun} {which}, {known}. "
        msg += "Translate them, e.g. --map 5=1."
        if class_map is not None:
            msg = f"Values of the mask {name} are translated to {which}, {known}."
        raise InputError(msg)
    result = np.zeros(mask.shape, np.uint8)
    for source, target in table.items():
        if target and source in values:
            result[mask == source] = target
    return result


def refuse_black_and_white(values: Iterable[int], name: str, option: str) -> None:
    """Refuse a mask of 0 and 255 alone, where nobody said what 255 means.

    Programs that draw masks as pictures write 255 for "inside", but here it is what
    does not count: such a mask would silently hold nothing at all.

    Raises
    ------
    InputError
        If it is one; the message names the option that says it.
    """
    if set(values) in ({0, 255}, {255}):
        msg = (
            f"The mask {name} is black and white (0 and 255), and 255 is what does not "
            f"count here. Say what it means: {option} 255=1 for class 1, or "
            f"{option} 255=255 if it shall not count."
        )
        raise InputError(msg)


def problem_lines(problems: Iterable[dict[str, Any]]) -> list[str]:
    """Return problems of a result (`Problem.to_dict`) as lines that a person reads."""
    lines = []
    for problem in problems:
        message = problem["message"].replace("\n", "?")  # of a file's name
        lines.append(f"  ! {problem['severity']}: {message} [{problem['code']}]")
        files = problem["files"]
        if files:
            more = f" and {len(files) - 3} more" if len(files) > 3 else ""
            shown = ", ".join(files[:3]).replace("\n", "?")
            lines.append(f"    files: {shown}{more}")
        codes = [r["code"] for r in problem.get("remedies", ())]
        if codes:
            lines.append(f"    ways out: {', '.join(codes)}")
    return lines


def _refuse_other_values(
    values: Iterable[int], table: Mapping[int, int], name: str, *, is_map: bool
) -> None:
    """Refuse a translation of nothing: a slip would make empty slices the truth."""
    held = sorted({*values} - {0, IGNORE})
    if is_map and held and not {*held} & {*table}:
        msg = (
            f"The mask {name} holds none of the values that are translated "
            f"({', '.join(map(str, sorted(table)))}); it holds "
            f"{', '.join(map(str, held[:8]))}{' ...' if len(held) > 8 else ''}."
        )
        raise InputError(msg)


def _with_rest(
    class_map: Mapping[int, int] | Mapping[int | str, int],
    held: Iterable[int],
    name: str,
) -> dict[int | str, int]:
    """Return a translation that names what "*" stands for in a mask."""
    rest = next(v for k, v in class_map.items() if k == REST)
    table: dict[int | str, int] = {k: v for k, v in class_map.items() if k != REST}
    numbers = {k: v for k, v in table.items() if isinstance(k, int)}
    if numbers and rest in (0, IGNORE):  # else a slip would leave nothing
        _refuse_other_values(held, numbers, name, is_map=True)
    return dict.fromkeys(held, rest) | table


def read_labels(
    path: Path,
    class_map: Mapping[int, int] | Mapping[int | str, int] | None,
    scheme: LabelScheme,
    how: Reorientation,
    unnamed: dict[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Read a mask file onto the working grid of a scan.

    Parameters
    ----------
    path : Path
        A file or folder that `io.read_mask` reads.
    class_map : dict or None
        As in `mapped`; ``"*"`` stands for all values but 0 that are not named.
    scheme : LabelScheme
        The classes that there are, besides background and "ignore".
    how : Reorientation
        From the scan's own grid, on which the mask must lie, to its working grid.
    unnamed : dict of int to int, optional
        Gets each value that becomes background since ``class_map`` does not name it,
        and how many voxels have it.

    Returns
    -------
    ndarray of uint8, shape ``how.grid.shape``
        Class values.

    Raises
    ------
    InputError
        If it is no mask, lies elsewhere or holds other values.
    """
    import numpy as np

    from medlab_gui.io import mask_on_grid, read_mask
    from medlab_gui.io.labelme import is_labelme

    allowed = {0, IGNORE, *(c.value for c in scheme.classes)}
    labels = {c.name: c.value for c in scheme.classes}
    labels |= {k: v for k, v in (class_map or {}).items() if isinstance(k, str)}
    values, grid = read_mask(path, labels)
    if is_labelme(path):
        class_map = None  # the labels have become classes
    on_source = mask_on_grid(values, grid, how.source)
    others: dict[int, int] = {}
    if class_map is not None:
        held, counts = np.unique(on_source, return_counts=True)
        voxels = {int(v): int(n) for v, n in zip(held, counts, strict=True) if v}
        others = {v: n for v, n in voxels.items() if v not in class_map}
        if REST in class_map:
            class_map = _with_rest(class_map, voxels, path.name)
            others = {}
    if unnamed is not None:
        unnamed |= others
    return how.apply(mapped(on_source, class_map, allowed, path.name))


def scaled(
    progress: Callable[..., None], start: float, stop: float
) -> Callable[..., None]:
    """Return a progress callable that fills ``start`` to ``stop`` of the whole."""

    def report(
        done: float,
        total: float = 0,
        message: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        share = done / total if total else 0.0
        progress(start + (stop - start) * share, 1.0, message, data)

    return report
