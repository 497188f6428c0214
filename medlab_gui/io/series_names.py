"""Names by which a person can tell series apart that are called the same."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from medlab_gui.io.dicom_values import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medlab_gui.io.series import FileSeries

__all__ = ["told_apart"]


def told_apart(series: Iterable[FileSeries]) -> list[FileSeries]:
    """Give series that have only their file's name more of it where two are alike.

    First the ending (``FLAIR.nii.gz`` and ``FLAIR.nrrd``), then as many folders as it
    takes (``before/scan`` and ``after/scan``). DICOM has numbers and dates for that.

    Parameters
    ----------
    series : iterable of FileSeries
        All that were found.

    Returns
    -------
    list of FileSeries
        In the same order.
    """
    result = list(series)
    alike: dict[str, list[int]] = defaultdict(list)
    for n, one in enumerate(result):
        if one.format != "dicom" and one.files:
            alike[one.name.casefold()].append(n)
    for numbers in alike.values():
        if len(numbers) > 1:
            names = _longer([result[n] for n in numbers])
            for n, name in zip(numbers, names, strict=True):
                result[n] = replace(result[n], description=printable(name))
    return result


def _longer(series: list[FileSeries]) -> list[str]:
    endings = [one.files[0].name for one in series]
    if len(set(endings)) == len(series) and series[0].format != "pictures":
        return endings
    # Of pictures the folder is the name already.
    folders = [
        one.files[0].parent.parent if one.format == "pictures" else one.files[0].parent
        for one in series
    ]
    names = [one.description for one in series]
    for depth in range(1, max(len(f.parts) for f in folders)):
        names = [
            "/".join((*folder.parts[1:][-depth:], one.description))
            for folder, one in zip(folders, series, strict=True)
        ]
        if len(set(names)) == len(series):
            break
    return names
