"""Slope and intercept of a DICOM file: what they are, and what is wrong with them.

Where a number cannot be read, another one has to be taken, and then grey values may be
off by any amount; so whoever looks at them is told which one it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from medlab_gui.io.dicom_values import is_garbled, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RescaleFault", "rescale_fault"]

_NAMES = {"RescaleSlope": "slope", "RescaleIntercept": "intercept"}


class RescaleFault(NamedTuple):
    """What is wrong with a rescale.

    Parameters
    ----------
    what : str
        After "The files give": what they give, and what is taken. "" if all is well.
    is_unsafe : bool
        Whether values may be off by any amount.
    """

    what: str = ""
    is_unsafe: bool = False


def rescale_fault(dataset: Any) -> RescaleFault:
    """Return the first fault of the slopes and intercepts of a file.

    Parameters
    ----------
    dataset : pydicom.Dataset
        A header; of an enhanced file, the functional groups are looked at.
    """
    found = (_fault(item) for item in _items(dataset))
    return next((fault for fault in found if fault.what), RescaleFault())


def _items(dataset: Any) -> Iterator[Any]:
    yield dataset
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(name) or ():
            yield from group.get("PixelValueTransformationSequence") or ()


def _fault(item: Any) -> RescaleFault:
    for name, word in _NAMES.items():
        taken = 1 if word == "slope" else 0
        if is_garbled(item, name):
            what = f"a rescale {word} that is no number; {taken} is taken for it"
            return RescaleFault(what, is_unsafe=True)
        if len(numbers(item, name) or ()) > 1:
            what = f"several numbers for the rescale {word}; the first one is taken"
            return RescaleFault(what, is_unsafe=True)
    slope, intercept = numbers(item, "RescaleSlope"), numbers(item, "RescaleIntercept")
    if slope and slope[0] == 0:
        return RescaleFault(
            "a slope of 0, with which all values would be one; a slope of 1 is taken"
        )
    if slope is None and any(intercept or ()):
        return RescaleFault("an intercept without a slope; a slope of 1 is taken")
    if slope and intercept is None and (slope[0] != 1 or "RescaleIntercept" in item):
        what = "a slope without an intercept; an intercept of 0 is taken"
        return RescaleFault(what, is_unsafe=True)
    return RescaleFault()
