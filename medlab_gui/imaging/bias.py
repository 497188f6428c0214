"""The slow change of brightness across an MR scan, found and taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import InputError, ResourceError, SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.imaging.slicewise import ProgressCallback

__all__ = ["bias_field", "correct_bias", "fit_bias"]

_MESSAGE = "Bias field"
_SMALLEST = 8  # pixels along an axis below which it is not thinned out further


def bias_field(
    volume: NDArray[Any],
    *,
    shrink: int = 4,
    levels: int = 3,
    iterations: int = 50,
    progress: ProgressCallback | None = None,
) -> NDArray[np.float32]:
    """Estimate the bias field of an MR scan by N4 (SimpleITK).

    The foreground is what lies above Otsu's threshold. The field is fitted to the scan
    thinned out by ``shrink`` along each axis that is long enough, by splines of 4
    control points along each axis that are doubled from level to level, and is then
    evaluated on every voxel.

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X)
        The whole scan, finite, 0 or above in the foreground.
    shrink : int
        Thinning out, at least 1.
    levels : int
        Levels of the spline, at least 1.
    iterations : int
        Steps on each level at most, at least 1.
    progress : callable, optional
        Called as ``progress(done, total, message)`` after each step; may raise to stop.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
        Factor by which each voxel is too bright; its logarithm has mean 0 in the
        foreground.

    Raises
    ------
    SpecError
        If a parameter is out of range.
    InputError
        If the scan has values below 0 in its foreground, as CT has.
    ResourceError
        If SimpleITK is not installed.

    References
    ----------
    .. [1] N. J. Tustison et al., N4ITK: improved N3 bias correction, IEEE Trans. Med.
       Imaging 29 (2010) 1310-1320.
    """
    if min(shrink, levels, iterations) < 1:
        msg = (
            "The bias field needs a thinning, levels and steps of at least 1; "
            f"found {shrink}, {levels} and {iterations}."
        )
        raise SpecError(msg)
    try:
        import SimpleITK as sitk
    except ImportError as error:
        msg = "The bias field step needs SimpleITK, which is not installed here."
        raise ResourceError(msg) from error
    values = np.asarray(volume, dtype=np.float32)
    if values.ndim != 3:
        msg = f"A bias field is of a whole scan (Z, Y, X); found {values.ndim} axes."
        raise InputError(msg)
    flat = np.ones_like(values)
    if values.size == 0 or min(values.shape[1:]) < 4 or values.max() <= values.min():
        return flat
    foreground = _foreground(values)
    darkest = float(values[foreground].min())
    if darkest <= 0:
        msg = (
            "The bias field step is for MR, whose values are above 0; this scan has "
            f"values of {darkest:g} inside the body. Switch the step off, or put a "
            "window before it."
        )
        raise InputError(msg)
    # One slice has no depth to fit a spline to: two dimensions then.
    whole = values[0] if len(values) == 1 else values
    mask = foreground[0] if len(values) == 1 else foreground
    thin = tuple(slice(None, None, _step(n, int(shrink))) for n in whole.shape)
    small = sitk.GetImageFromArray(np.ascontiguousarray(whole[thin]))
    small.SetSpacing([float(_step(n, int(shrink))) for n in reversed(whole.shape)])
    inside = sitk.GetImageFromArray(np.ascontiguousarray(mask[thin]).astype(np.uint8))
    inside.CopyInformation(small)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    # Its sums depend on how the work is divided: the same way on every machine.
    n4.SetNumberOfWorkUnits(8)
    n4.SetMaximumNumberOfIterations([int(iterations)] * int(levels))
    _run(n4, small, inside, int(levels) * int(iterations), progress)
    log_field = np.asarray(
        sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(sitk.GetImageFromArray(whole)))
    ).reshape(values.shape)
    log_field = log_field - log_field[foreground].mean()
    return np.asarray(np.exp(log_field), np.float32)


def fit_bias(
    volume: NDArray[np.float32],
    *,
    progress: ProgressCallback | None = None,
    **params: Any,
) -> Callable[[NDArray[np.float32], int], NDArray[np.float32]]:
    """Return the function that takes a scan's bias field out of its slice ``k``.

    Parameters
    ----------
    volume : ndarray of float32, shape (Z, Y, X)
        The whole scan.
    progress : callable, optional
        Called as ``progress(done, total, message)``; may raise to stop.
    **params
        As for `bias_field`.

    Returns
    -------
    callable
        ``apply(plane, k)``: the slice, float32 of shape (Y, X), divided by the field.
    """
    field = bias_field(volume, progress=progress, **params)

    def apply(plane: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        return np.asarray(np.divide(plane, field[k], dtype=np.float32))

    return apply


def correct_bias(data: NDArray[Any], **params: Any) -> NDArray[np.float32]:
    """Take the bias field out of a scan, or out of one slice on its own.

    Parameters
    ----------
    data : ndarray, shape (Y, X) or (Z, Y, X)
        Grey values; see `bias_field`, also for the parameters.
    **params
        ``shrink``, ``levels`` and ``iterations``.

    Returns
    -------
    ndarray of float32
        Same shape and about the same range.
    """
    values = np.asarray(data, dtype=np.float32)
    volume = values[None] if values.ndim == 2 else values
    corrected = np.divide(volume, bias_field(volume, **params), dtype=np.float32)
    return np.asarray(corrected.reshape(values.shape))


def _step(n: int, shrink: int) -> int:
    return max(1, min(shrink, n // _SMALLEST))


def _foreground(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    from skimage.filters import threshold_otsu

    # In one row: scikit-image takes three or four columns for colours.
    above: NDArray[np.bool_] = values > float(threshold_otsu(values.ravel()))
    return above


def _run(
    n4: Any, small: Any, inside: Any, total: int, progress: ProgressCallback | None
) -> None:
    import SimpleITK as sitk

    stopped: list[BaseException] = []
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is None or stopped:
            return
        try:
            progress(min(done, total), total, _MESSAGE)
        except BaseException as error:  # noqa: BLE001 - handed on below: not through C++
            stopped.append(error)
            n4.Abort()

    n4.AddCommand(sitk.sitkIterationEvent, step)
    try:
        n4.Execute(small, inside)
    except RuntimeError as error:
        if not stopped:
            msg = (
                "The bias field of this scan cannot be found "
                f"({str(error).strip().splitlines()[-1]}). Switch the step off."
            )
            raise InputError(msg) from error
    finally:
        n4.RemoveAllCommands()
    if stopped:
        raise stopped[0]
