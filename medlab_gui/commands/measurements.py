"""``medlab measurements`` and its kin: list, write as CSV, delete, bring back."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.commands.outputs import target
from medlab_gui.commands.values import counted
from medlab_gui.core.errors import GeometryError, InputError
from medlab_gui.core.i18n import N_, _
from medlab_gui.core.measurements import KIND_NAMES, PLANE_NAMES, Values
from medlab_gui.core.records import Severity
from medlab_gui.core.spreadsheets import table_bytes
from medlab_gui.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medlab_gui.commands.command import Context
    from medlab_gui.core.measurements import Measurement, Plane
    from medlab_gui.core.records import Series
    from medlab_gui.store.project import ProjectStore

__all__ = [
    "COLUMNS",
    "DELETE_MEASUREMENT",
    "EXPORT_MEASUREMENTS",
    "MEASUREMENTS",
    "caution",
]

COLUMNS = (
    "id",
    "series_uid",
    "series_description",
    "modality",
    "frame_of_reference",
    "kind",
    "label",
    "plane",
    "slice",
    "points_lps_mm",
    "length_mm",
    "angle_deg",
    "area_mm2",
    "n_pixels",
    "mean",
    "sd",
    "min",
    "max",
    "unit",
    "cut_by_edge",
    "n_not_measured",
    "caution",
    "created_by",
    "created_utc",
    "changed_by",
    "changed_utc",
    "deleted",
)
"""Columns of the CSV file, in this order."""

_DIGITS = 6
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


_ACROSS = ("missing-slices", "uneven-spacing", "overlapping-blocks", "shifted-slices")
"""Problems of how slices lie to one another: within each of them lengths are true."""


def caution(series: Series, plane: Plane | None = None) -> str:
    """Return why lengths of a series cannot be relied on; empty where they can.

    Parameters
    ----------
    series : Series
        What is measured.
    plane : Plane, optional
        Only lengths within slices of this plane are meant.
    """
    unsafe = (Severity.UNSAFE, Severity.NOT_A_VOLUME)
    within = plane is not None and series.reorientation.axes[plane.axis] == 0
    return " ".join(
        p.message
        for p in series.problems
        if p.severity in unsafe and not (within and p.code in _ACROSS)
    )


def _rows(
    store: ProjectStore, series_uid: str, ctx: Context, *, deleted: bool
) -> list[dict[str, Any]]:
    """Return what is measured and what it comes to, by name of the column."""
    from medlab_gui.imaging.measurements import measure

    if series_uid:
        store.series(series_uid)  # says so where there is none
    found = store.measurements(series_uid or None, deleted=deleted)
    rows = []
    by_uid: dict[str, Series] = {}
    for n, one in enumerate(found):
        ctx.progress(n, len(found), _("Measuring"))
        if one.series_uid not in by_uid:
            by_uid[one.series_uid] = store.series(one.series_uid)
        series = by_uid[one.series_uid]
        why_not = ""
        try:
            data = store.array(series.blob)
            padding = series.display.padding
            values = measure(one, data, series.grid, series.units, padding)
        except GeometryError as error:
            # One that does not fit its series must not hide the others.
            values, why_not = Values(), error.message
        rows.append(_row(one, values, series, why_not))
    return rows


def _row(
    one: Measurement, values: Values, series: Series, why_not: str
) -> dict[str, Any]:
    return {
        "id": one.id,
        "series_uid": series.uid,
        "series_description": series.description,
        "modality": series.modality,
        "frame_of_reference": series.grid.frame_of_reference,
        "kind": str(one.kind),
        "label": one.label,
        "plane": str(one.plane),
        "slice": one.slice_index + 1,
        "points_lps_mm": [[round(v, _DIGITS) for v in p] for p in one.points],
        "length_mm": _rounded(values.length_mm),
        "angle_deg": _rounded(values.angle_deg),
        "area_mm2": _rounded(values.area_mm2),
        "n_pixels": values.n_pixels,
        "mean": _rounded(values.mean),
        "sd": _rounded(values.sd),
        "min": _rounded(values.low),
        "max": _rounded(values.high),
        "unit": (values.units or "a.u.") if one.kind.is_region else None,
        "cut_by_edge": values.is_cut,
        "n_not_measured": values.n_filled if one.kind.is_region else None,
        "caution": f"{caution(series)} {why_not}".strip(),
        "created_by": one.created_by,
        "created_utc": one.created,
        "changed_by": one.changed_by,
        "changed_utc": one.changed,
        "deleted": one.deleted,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


# ---- list -------------------------------------------------------------------


@dataclass(frozen=True)
class MeasurementsParams:
    """Which to list."""

    series: str = param(
        "UID of a series; all of the project where left out.",
        "",
        kind="series",
        positional=True,
    )
    deleted: bool = param("Also those that were deleted.", False)


def run_list(params: MeasurementsParams, ctx: Context) -> dict[str, Any]:
    """Return the measurements with their figures."""
    with ctx.store() as store:
        rows = _rows(store, params.series, ctx, deleted=params.deleted)
    return {"measurements": rows}


def text_list(result: dict[str, Any]) -> str:
    """Say it in words."""
    rows = result["measurements"]
    if not rows:
        return _("Nothing has been measured yet.")
    lines = []
    for row in rows:
        plane = next(_(name) for p, name in PLANE_NAMES.items() if p == row["plane"])
        kind = next(_(name) for k, name in KIND_NAMES.items() if k == row["kind"])
        lines.append(
            f"{kind:10} {plane} {row['slice']:4}  {_figures(row):44} "
            f"{row['created_by']} {row['created_utc'][:16].replace('T', ' ')}  "
            f"{row['label']}  [{row['id']}]"
            + (_("  deleted") if row["deleted"] else "")
            + (f"\n  {row['caution']}" if row["caution"] else "")
        )
    return "\n".join(lines)


def _figures(row: dict[str, Any]) -> str:
    units = None if row["unit"] == "a.u." else row["unit"]
    return ", ".join(
        Values(
            row["length_mm"],
            row["angle_deg"],
            row["area_mm2"],
            row["n_pixels"],
            row["mean"],
            row["sd"],
            row["min"],
            row["max"],
            units,
            row["cut_by_edge"],
            row["n_not_measured"] or 0,
        ).lines()
    )


MEASUREMENTS = Command(
    verb="measurements",
    title=N_("List the measurements"),
    help=N_("List distances, angles and regions with their figures."),
    params=MeasurementsParams,
    run=run_list,
    text=text_list,
    details=N_(
        "Changes nothing. Slices are numbered from 1: axial ones from the feet, "
        "coronal ones from the front, sagittal ones from the patient's right. Points "
        "are LPS millimetres. Figures are of the scan's own values, whatever the "
        "window shows. A pixel belongs to a region when its centre lies inside the "
        "line or on it; sd is the sample standard deviation; the area is that of the "
        "line drawn. Where a region leaves the picture only its pixels in the picture "
        "count, and none that only fill it (nothing was measured there)."
    ),
    examples=(
        "medlab measurements --project liver",
        "medlab measurements 1.2.840.1 --deleted --project liver --json",
    ),
)


# ---- CSV --------------------------------------------------------------------


@dataclass(frozen=True)
class ExportMeasurementsParams:
    """Which to write, and where."""

    output: str = param("File to write; its name ends in .csv.", kind="save_file")
    series: str = param(
        "UID of a series; all of the project where left out.",
        "",
        kind="series",
        positional=True,
    )
    deleted: bool = param("Also those that were deleted.", False)


def run_export(params: ExportMeasurementsParams, ctx: Context) -> dict[str, Any]:
    """Write them as a table, whole or not at all."""
    output = target(params.output, (".csv",))
    with ctx.store() as store:
        rows = _rows(store, params.series, ctx, deleted=params.deleted)
    if not rows:
        msg = "There is nothing to write: nothing has been measured yet."
        raise InputError(msg)
    write_whole(output, table_bytes(_csv(rows)))
    return {
        "output": str(output),
        "n": len(rows),
        "notice": "For research; not a medical device.",
    }


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    """Return RFC 4180 text with a header; numbers have a decimal point everywhere."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(name, row[name]) for name in COLUMNS})
    return out.getvalue()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "points_lps_mm":
        return "; ".join(" ".join(_plain(v) for v in point) for point in value)
    if isinstance(value, float):
        return _plain(value)
    text = str(value)
    # What a file or a person wrote must not run as a formula in a spreadsheet.
    if isinstance(value, str) and text.startswith(_FORMULA):
        return f"'{text}"
    return text


def _plain(value: float) -> str:
    """Return a number without an exponent and without needless zeros."""
    text = f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def text_export(result: dict[str, Any]) -> str:
    """Say it in words."""
    n = counted(result["n"], "measurement")
    return f"{result['output']}: {n}. {result['notice']}"


EXPORT_MEASUREMENTS = Command(
    verb="export-measurements",
    title=N_("Export measurements…"),
    help=N_("Write distances, angles and regions as a CSV table."),
    params=ExportMeasurementsParams,
    run=run_export,
    text=text_export,
    details=N_(
        "UTF-8 with a header, decimal points, one row for each measurement: series, "
        "plane, slice (from 1), kind, points in LPS mm, length in mm, angle in "
        "degrees, area in square mm, mean, standard deviation, smallest and largest "
        "value in the unit of the scan, author and time. Text that a spreadsheet "
        "would take for a formula gets an apostrophe in front."
    ),
    examples=(
        "medlab export-measurements --output all.csv --project liver",
        "medlab export-measurements 1.2.840.1 --output one.csv --project liver",
    ),
)


# ---- delete and bring back --------------------------------------------------


@dataclass(frozen=True)
class DeleteMeasurementParams:
    """Which one."""

    measurement: str = param(
        "Its id, as `medlab measurements` shows it.", positional=True
    )
    restore: bool = param("Bring a deleted one back instead.", False)


def run_delete(params: DeleteMeasurementParams, ctx: Context) -> dict[str, Any]:
    """Delete it, or bring it back; every version stays in the project."""
    with ctx.store() as store:
        one = store.measurement(params.measurement)
        if one.deleted is not params.restore:
            msg = (
                f"The measurement {one.id} is not deleted; there is nothing to restore."
                if params.restore
                else f"The measurement {one.id} is deleted already."
            )
            raise InputError(msg)
        now = store.put_measurement(
            replace(
                one,
                version=one.version + 1,
                deleted=not params.restore,
                changed_by=ctx.settings.author_name,
            )
        )
    return {"id": now.id, "series_uid": now.series_uid, "deleted": now.deleted}


def text_delete(result: dict[str, Any]) -> str:
    """Say it in words."""
    if result["deleted"]:
        return (
            f"Measurement {result['id']} is deleted; `medlab delete-measurement "
            f"{result['id']} --restore` brings it back."
        )
    return f"Measurement {result['id']} is back."


DELETE_MEASUREMENT = Command(
    verb="delete-measurement",
    title=N_("Delete a measurement"),
    help=N_("Delete a measurement, or bring a deleted one back."),
    params=DeleteMeasurementParams,
    run=run_delete,
    text=text_delete,
    details=N_(
        "Nothing is lost: every version stays in the project with its author and time."
    ),
    examples=(
        "medlab delete-measurement 3f2a91c04b7d --project liver",
        "medlab delete-measurement 3f2a91c04b7d --restore --project liver",
    ),
)
