"""Slices that look nearly the same: parting them by a split would be cheating."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.imaging.resample import resize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medlab_gui.learning.dataset import SliceKey, SliceSource

__all__ = ["look_alikes", "merged", "merged_groups", "picture_bits"]

_SIDE = 16
_NEAR = 8  # bits of 256; slices of two patients differ in some sixty, copies in none


def picture_bits(image: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return what a picture looks like in 256 bits: whether it brightens rightwards.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Any units; scaling, offset and size do not matter much.

    Returns
    -------
    ndarray of bool, shape (256,), or None
        None of a picture of one grey, which looks like every other such.

    References
    ----------
    The difference hash of N. Krawetz (2013), on 17 x 16 instead of 9 x 8 pixels.
    """
    plain = np.nan_to_num(np.asarray(image, dtype=np.float32))
    rows, columns = _SIDE, _SIDE + 1
    small = resize(plain, (rows, columns), order=1)
    bits: NDArray[np.bool_] = (np.diff(small, axis=1) > 1e-3 * np.ptp(plain)).ravel()
    return bits if bits.any() else None


def _all_bits(
    source: SliceSource, keys: Sequence[SliceKey]
) -> tuple[list[SliceKey], NDArray[np.float32]]:
    found = [(key, picture_bits(source.image(key))) for key in keys]
    known = [(key, bits) for key, bits in found if bits is not None]
    return [key for key, _ in known], _table([bits for _, bits in known])


def _table(bits: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
    # As -1 and 1: one product of matrices counts the bits that agree.
    table = np.array(bits, dtype=np.float32) * 2 - 1
    return table.reshape(len(bits), _SIDE**2)


def look_alikes(
    source: SliceSource, keys: Sequence[SliceKey], others: Sequence[SliceKey]
) -> set[SliceKey]:
    """Return the slices among ``keys`` that look like one of ``others``."""
    own, bits = _all_bits(source, keys)
    _, theirs = _all_bits(source, others)
    if not len(bits) or not len(theirs):
        return set()
    apart = (_SIDE**2 - bits @ theirs.T) / 2
    near = apart.min(axis=1) <= _NEAR
    return {key for key, is_near in zip(own, near, strict=True) if is_near}


def merged_groups(source: SliceSource) -> list[str]:
    """Return for each slice the patient, patients with the same pictures taken as one.

    A scan that was taken in twice, or whose files name no patient, has several: where a
    slice of one looks like a slice of another they are not parted.

    Returns
    -------
    list of str
        In the order of ``source.keys``.
    """
    patients = [source.group(key) for key in source.keys]
    if len(set(patients)) < 2:
        return patients
    return merged(patients, [picture_bits(source.image(key)) for key in source.keys])


def merged(
    patients: Sequence[str], bits: Sequence[NDArray[np.bool_] | None]
) -> list[str]:
    """Return for each picture the patient, patients with the same pictures as one.

    Parameters
    ----------
    patients : sequence of str
        Of each picture.
    bits : sequence of ndarray of bool, shape (256,), or None
        What each looks like, see `picture_bits`.
    """
    leader = {name: name for name in patients}

    def lead(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    known = [(name, b) for name, b in zip(patients, bits, strict=True) if b is not None]
    table = _table([b for _, b in known])
    for n, (name, _) in enumerate(known):
        apart = (_SIDE**2 - table[n + 1 :] @ table[n]) / 2
        for m in np.flatnonzero(apart <= _NEAR):
            a, b = lead(name), lead(known[n + 1 + int(m)][0])
            leader[max(a, b)] = min(a, b)
    return [lead(name) for name in patients]
