"""What is odd about the files of a series, besides where its slices lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.records import Problem, Severity
from medlab_gui.io.dicom_ge import GE_PRIVATE
from medlab_gui.io.dicom_text import guess_note
from medlab_gui.io.voxels import PADDING_BYTES
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from medlab_gui.io.dicom_headers import DicomHeader

__all__ = ["file_problems", "syntax_name"]


def syntax_name(uid: str) -> str:
    """Return what a transfer syntax is called."""
    from pydicom.uid import UID

    if uid == GE_PRIVATE:
        return "GE private (big endian pixels)"
    return str(UID(uid).name) if uid else "not stated"


def file_problems(headers: list[DicomHeader]) -> list[Problem]:
    """Report incomplete, lossy or unreadable pixels and odd meanings of values.

    Parameters
    ----------
    headers : list of DicomHeader
        Of one series.
    """
    from medlab_gui.io.dicom_pixels import can_decode

    problems: list[Problem] = []

    def add(
        code: str, severity: Severity, message: str, hit: list[DicomHeader]
    ) -> None:
        names = tuple(h.path.name for h in hit)
        problems.append(Problem(code, severity, message, names))

    # How long pixels of an unknown encoding have to be, nobody knows.
    unreadable = [
        h
        for h in headers
        if not can_decode(h.transfer_syntax, h.frames[0].layout.bits_allocated)
    ]
    lost = {h.path for h in unreadable}
    cut = [h for h in headers if h.cut_short and h.path not in lost]
    if cut:
        alone = len(cut) > 1 or len(cut) == len(headers)
        rest = "" if alone else ", or move it away to open the rest"
        add(
            "truncated",
            Severity.NOT_A_VOLUME,
            f"{counted(len(cut), 'file is', 'files are')} incomplete: "
            f"{cut[0].path.name}: {cut[0].cut_short}. Fetch the series again from "
            f"where it came from{rest}.",
            cut,
        )
    denying = [h for h in headers if h.denies]
    if denying:
        add(
            "not-compressed",
            Severity.WARNING,
            "The header says that the pixels are compressed, and they are not: they "
            "have just the length of plain ones and are read as such. Compare the "
            "picture with that of the sender, and ask for files that are sound.",
            denying,
        )
    if unreadable:
        name = syntax_name(unreadable[0].transfer_syntax)
        add(
            "no-codec",
            Severity.NOT_A_VOLUME,
            f"The pixels are compressed as {name}, which this installation cannot "
            "decode. Ask the sender for uncompressed or losslessly compressed files.",
            unreadable,
        )
    lossy = [h for h in headers if h.lossy or _is_lossy(h.transfer_syntax)]
    if lossy:
        add(
            "lossy-compressed",
            Severity.WARNING,
            "The pixels went through lossy compression: values are not those of the "
            "scanner.",
            lossy[:1],
        )
    if headers[0].modality == "CT":
        raw = [h for h in headers if not (h.has_rescale or h.rescale_fault.what)]
        if raw and len(raw) < len(headers):
            add(
                "no-rescale",
                Severity.UNSAFE,
                "Not all files say how stored values become Hounsfield units "
                f"({len(headers) - len(raw)} of {len(headers)} do): values of the "
                "others are shown as stored, so that slices do not fit together.",
                raw,
            )
        elif raw:
            add(
                "no-rescale",
                Severity.WARNING,
                "The files do not say how stored values become Hounsfield units; "
                "values are shown as stored.",
                raw[:1],
            )
        elsewhere = [h for h in headers if h.has_rescale and _is_no_hounsfield(h)]
        if elsewhere:
            add(
                "not-hounsfield",
                Severity.WARNING,
                "The files say that their rescaled values are not Hounsfield units "
                "(Rescale Type), so windows and thresholds for CT do not fit them.",
                elsewhere,
            )
    impossible = [h for h in headers if h.bits_fault]
    if impossible:
        add(
            "bad-bits",
            Severity.WARNING,
            f"The files {impossible[0].bits_fault}. Compare a few values with the "
            "scanner's.",
            impossible,
        )
    unknown = [h for h in headers if not _has_known_bits(h)]
    if unknown:
        n_bits = unknown[0].frames[0].layout.bits_allocated
        add(
            "unknown-bits",
            Severity.NOT_A_VOLUME,
            f"The pixels have {n_bits} bits each (Bits Allocated), and MedLab reads 1, "
            "8, 12, 16, 32 and 64. Ask the sender for 16.",
            unknown,
        )
    faulty = [h for h in headers if h.rescale_fault.what]
    if faulty:
        worst = max((h.rescale_fault for h in faulty), key=lambda f: f.is_unsafe)
        who = "The files give"
        if len(faulty) < len(headers):
            verb = "gives" if len(faulty) == 1 else "give"
            who = f"Of {len(headers)} files, {len(faulty)} {verb}"
        add(
            "bad-rescale",
            Severity.UNSAFE if worst.is_unsafe else Severity.WARNING,
            f"{who} {worst.what}. Compare a few values with the scanner's.",
            faulty,
        )
    tables = [h for h in headers if h.has_lookup_table]
    broken = [h for h in tables if h.frames[0].table is None]
    if broken:
        add(
            "lookup-table",
            Severity.WARNING,
            "The files map stored values through a table (Modality LUT) that cannot be "
            "used: values are shown as stored.",
            broken[:1],
        )
    elif tables:
        add(
            "lookup-table",
            Severity.NOTE,
            "The files map stored values through a table (Modality LUT), which was "
            f"applied; {_units_of_table(tables[0])}.",
            tables[:1],
        )
    inverted = [h for h in headers if h.frames[0].layout.photometric == "MONOCHROME1"]
    if inverted and len(inverted) < len(headers):
        add(
            "inverted-differs",
            Severity.WARNING,
            f"Low values are to be shown bright (MONOCHROME1) in {len(inverted)} of "
            f"{len(headers)} files, and high ones in the others. All are shown alike, "
            "and the values are kept as they are: compare neighbouring slices.",
            inverted,
        )
    elif inverted:
        add(
            "inverted-display",
            Severity.NOTE,
            "The files ask for low values to be shown bright (MONOCHROME1), and that "
            "is done; the values themselves are kept as they are.",
            inverted[:1],
        )
    guessed = [h for h in headers if h.text_guess]
    if guessed:
        add(
            "text-guessed",
            Severity.NOTE,
            guess_note(guessed[0].text_guess),
            guessed[:1],
        )
    problems += _left_over(headers)
    problems += _exports(headers)
    padded = [h for h in headers if h.display.padding is not None]
    if len({h.display.padding for h in headers}) > 1:
        add(
            "padding-differs",
            Severity.NOTE,
            "Pixels outside the scan hold filling values that differ from slice to "
            "slice; they are treated like measured ones.",
            padded,
        )
    elif padded:
        low, high = padded[0].display.padding or (0.0, 0.0)
        shown = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        add(
            "padding",
            Severity.NOTE,
            f"Pixels outside the scan hold the filling value {shown} (after "
            "rescaling); windows found by MedLab leave it out. It stays in the values.",
            padded[:1],
        )
    return problems


def _left_over(headers: list[DicomHeader]) -> list[Problem]:
    """Report files that hold more pixels than their headers make a picture of."""
    problems = []
    claims = [h for h in headers if h.n_described > len(h.frames)]
    if claims:
        first = claims[0]
        message = (
            f"{counted(len(claims), 'file describes', 'files describe')} more pictures "
            f"than there should be (Number of Frames): {first.path.name} describes "
            f"{first.n_described}, of which {len(first.frames)} can be shown. Ask the "
            "sender for a whole one."
        )
        names = tuple(h.path.name for h in claims)
        problems.append(Problem("frames-left-over", Severity.UNSAFE, message, names))
    over = [h for h in headers if h.n_spare > PADDING_BYTES and h not in claims]
    if over:
        first = max(over, key=lambda h: h.n_spare)
        layout = first.frames[0].layout
        message = (
            f"{counted(len(over), 'file holds', 'files hold')} more bytes of pixels "
            f"than the headers speak of ({first.path.name}: {first.n_spare:,} beyond "
            f"{counted(len(first.frames), 'picture', 'pictures')} of {layout.columns} "
            f"x {layout.rows} pixels of {layout.bits_allocated} bits). What is beyond "
            "is passed over; if size or bits are wrong, the picture is, too."
        )
        serious = 2 * first.n_spare >= layout.n_bytes
        severity = Severity.UNSAFE if serious else Severity.WARNING
        names = tuple(h.path.name for h in over)
        problems.append(Problem("pixels-left-over", severity, message, names))
    return problems


def _has_known_bits(header: DicomHeader) -> bool:
    return header.frames[0].layout.bits_allocated in (1, 8, 12, 16, 32, 64)


def _is_no_hounsfield(header: DicomHeader) -> bool:
    return (
        header.units is None
        and header.frames[0].table is None
        and header.frames[0].layout.is_grey
        and not header.rescale_fault.what
    )


def _units_of_table(header: DicomHeader) -> str:
    table = header.frames[0].table
    if table is None or table.units in ("", "US"):
        return "they do not say in which units the results are"
    return f"the results are in {table.units}"


def _exports(headers: list[DicomHeader]) -> list[Problem]:
    """Report pictures that are renderings of a scan and not the scan."""
    problems = []
    coloured = [h for h in headers if not h.frames[0].layout.is_grey]
    if coloured:
        kind = coloured[0].frames[0].layout.photometric
        message = (
            f"The pictures are in colour ({kind}); they are shown as grey (luminance), "
            "and their values are no measurements. Open the scan itself if you can."
        )
        names = (coloured[0].path.name,)
        problems.append(Problem("colour", Severity.WARNING, message, names))
    captured = [h for h in headers if h.is_secondary]
    if captured:
        message = (
            "The pictures are a screenshot or a scanned film (Secondary Capture), not "
            "the scan itself: values, and often the geometry, are not the scanner's."
        )
        names = (captured[0].path.name,)
        problems.append(Problem("secondary-capture", Severity.WARNING, message, names))
    return problems


def _is_lossy(uid: str) -> bool:
    return uid in (
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.81",
    )
