"""Figures as SVG: box plots, ROC curves, pictures in rows. No library, no display."""

from __future__ import annotations

import base64
import html
import struct
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from medlab_gui.core.labels import OKABE_ITO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medlab_gui.learning.roc import Roc

__all__ = ["Reader", "box_plot", "colour", "picture_grid", "roc_plot"]

_DASHES = ("", "6 3", "2 3", "8 3 2 3")
_FONT = 'font-family="sans-serif" font-size="12"'
_LETTER = 7.5
"""Width of a letter at that size, rather more: which font will be there is unknown."""
_LONGEST = 60
"""Letters of a name in a legend; a longer one would make the curves small."""
_POINTS = 400
"""As many points of a curve as are drawn; more cannot be seen."""


def colour(n: int) -> str:
    """Return the n-th colour, of those that stay apart for colour-blind eyes."""
    order = (4, 5, 2, 6, 0, 1)  # the blue one first, no yellow on white
    r, g, b = OKABE_ITO[order[n % len(order)]]
    return f"#{r:02x}{g:02x}{b:02x}"


@dataclass
class _Svg:
    """Gathers shapes and closes the file."""

    width: float
    height: float
    title: str
    parts: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str = "") -> None:
        style = style or 'stroke="#444"'
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'
        )

    def text(
        self, x: float, y: float, said: str, anchor: str = "middle", turn: float = 0
    ) -> None:
        turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {_FONT}{turned}>'
            f"{html.escape(said)}</text>"
        )

    def done(self) -> str:
        name = html.escape(self.title)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
                f'aria-label="{name}" viewBox="0 0 {self.width:g} {self.height:g}" '
                f'width="{self.width:g}" height="{self.height:g}">',
                f"<title>{name}</title>",
                f'<rect width="{self.width:g}" height="{self.height:g}" fill="white"/>',
                *self.parts,
                "</svg>",
                "",
            ]
        )


def _ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers from low to high."""
    step = 10 ** np.floor(np.log10((high - low) / 4))
    for more in (1, 2, 5, 10):
        if (high - low) / (step * more) <= 6:
            step *= more
            break
    first = np.ceil(low / step - 1e-9) * step
    n = int(np.floor((high - first) / step + 1e-9)) + 1
    # Adding 0 makes 0 of -0, which would be printed so.
    return [round(float(first + k * step), 10) + 0.0 for k in range(n)]


def box_plot(values: Mapping[str, Sequence[float]], title: str, axis: str) -> str:
    """Return a box for each network, with every case as a dot.

    The box holds the middle half, the line is the median, whiskers reach the farthest
    case within one and a half box lengths.

    Parameters
    ----------
    values : mapping of str to sequence of float
        Network to its cases; a network without any gets no box.
    title : str
        What stands above.
    axis : str
        What the values are, with their unit.
    """
    every = [v for own in values.values() for v in own]
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    # Shares and distances have no place below 0.
    low, high = low - room if low < 0 else max(0.0, low - room), high + room
    left, top, tall, line = 64.0, 34.0, 240.0, 15.0
    labels = [_label(name) for name in values]
    longest = max((len(said) for own in labels for said in own), default=0)
    column = max(110.0, _LETTER * (longest + 1))
    below = line * (max(map(len, labels), default=1) + 1)
    svg = _Svg(left + column * len(values) + 16, top + tall + below + 12, title)

    def to_y(value: float) -> float:
        return top + tall * (high - value) / (high - low)

    svg.text(svg.width / 2, 20, title)
    for tick in _ticks(low, high):
        svg.line(left, to_y(tick), svg.width - 16, to_y(tick), 'stroke="#ddd"')
        svg.text(left - 6, to_y(tick) + 4, f"{tick:g}", "end")
    svg.text(16, top + tall / 2, axis, turn=-90)
    svg.line(left, top, left, top + tall)
    for n, own in enumerate(values.values()):
        middle = left + column * (n + 0.5)
        for k, said in enumerate([*labels[n], f"n = {len(own)}"]):
            svg.text(middle, top + tall + line * (k + 1), said)
        if own:
            _box(svg, middle, [to_y(v) for v in sorted(own, reverse=True)], colour(n))
    return svg.done()


_MAY_BREAK = "\v"
"""White space to `textwrap`, and in no name."""


def _label(name: str) -> list[str]:
    """Return a name in lines that fit below a box, with its end, where names differ."""
    # Names of an ablation are parts with a plus between, and have no spaces.
    parts = name.replace("+", f"+{_MAY_BREAK}")
    wrapped = textwrap.wrap(parts, 17, replace_whitespace=False)
    lines = [line.replace(_MAY_BREAK, "") for line in wrapped] or [""]
    return lines if len(lines) <= 3 else [*lines[:2], f"…{name[-16:].strip()}"]


def _box(svg: _Svg, x: float, ys: list[float], ink: str) -> None:
    """Draw a box of places on the page; smaller is higher."""
    upper, median, lower = (float(v) for v in np.percentile(ys, (25, 50, 75)))
    reach = 1.5 * (lower - upper)
    end_up = min(y for y in ys if y >= upper - reach)
    end_down = max(y for y in ys if y <= lower + reach)
    style = f'stroke="{ink}" stroke-width="1.5"'
    svg.line(x, end_up, x, upper, style)
    svg.line(x, lower, x, end_down, style)
    for y in (end_up, end_down):
        svg.line(x - 12, y, x + 12, y, style)
    svg.parts.append(
        f'<rect x="{x - 22:.1f}" y="{upper:.1f}" width="44" '
        f'height="{max(lower - upper, 0.5):.1f}" fill="{ink}" fill-opacity="0.2" '
        f"{style}/>"
    )
    svg.line(x - 22, median, x + 22, median, f'stroke="{ink}" stroke-width="3"')
    for k, y in enumerate(ys):
        # Beside each other, so that equal cases can be counted; the same each time.
        side = x + 30 + 7 * (k % 3)
        svg.parts.append(
            f'<circle cx="{side:.1f}" cy="{y:.1f}" r="2.2" fill="{ink}" '
            'fill-opacity="0.7"/>'
        )


@dataclass(frozen=True)
class Reader:
    """A person on a ROC plot.

    Parameters
    ----------
    name : str
        Who, as a pseudonym.
    fpr, tpr : float or None
        A point, where the answers were yes or no.
    curve : Roc or None
        A curve, where they were degrees of certainty.
    """

    name: str
    fpr: float | None = None
    tpr: float | None = None
    curve: Roc | None = None


def roc_plot(
    curves: Mapping[str, Roc], title: str, readers: Sequence[Reader] = ()
) -> str:
    """Return ROC curves over one another, with AUC, and readers as points or curves.

    Parameters
    ----------
    curves : mapping of str to Roc
        Network to its curve.
    title : str
        What stands above.
    readers : sequence of Reader
        People on the same cases.
    """
    left, top, size = 58.0, 34.0, 320.0
    n_lines = len(curves) + len(readers)
    names = [_shortened(name) for name in [*curves, *(r.name for r in readers)]]
    longest = max(map(len, names), default=0) + len(": 0.000 at 0.000")
    width = left + max(size, 38 + _LETTER * longest) + 16
    svg = _Svg(width, top + size + 56 + 18 * n_lines, title)
    svg.text(left + size / 2, 20, title)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + size * x, top + size * (1 - y)

    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        x, y = place(tick, tick)
        svg.line(x, top, x, top + size, 'stroke="#eee"')
        svg.line(left, y, left + size, y, 'stroke="#eee"')
        svg.text(x, top + size + 16, f"{tick:g}")
        svg.text(left - 6, y + 4, f"{tick:g}", "end")
    svg.line(*place(0, 0), *place(1, 1), 'stroke="#999" stroke-dasharray="3 3"')
    svg.text(left + size / 2, top + size + 34, "false positive rate (1 − specificity)")
    svg.text(16, top + size / 2, "true positive rate (sensitivity)", turn=-90)
    drawn: list[tuple[str, Roc]] = [
        *curves.items(),
        *((r.name, r.curve) for r in readers if r.curve is not None),
    ]
    y = top + size + 56
    for n, (name, roc) in enumerate(drawn):
        dash = _DASHES[n % len(_DASHES)]
        style = f'stroke="{colour(n)}" stroke-width="2" stroke-dasharray="{dash}"'
        points = " ".join(
            f"{px:.2f},{py:.2f}" for px, py in (place(*p) for p in _thinned(roc))
        )
        svg.parts.append(f'<polyline points="{points}" fill="none" {style}/>')
        svg.line(left, y - 4, left + 30, y - 4, style)
        said = f"{_shortened(name)}: AUC {roc.auc:.3f}"
        svg.text(left + 38, y, said, "start")
        y += 18
    for n, reader in enumerate(r for r in readers if r.curve is None):
        if reader.fpr is None or reader.tpr is None:
            continue
        for cx, cy in (place(reader.fpr, reader.tpr), (left + 15, y - 4)):
            svg.parts.append(_mark(n, cx, cy))
        said = f"{_shortened(reader.name)}: {reader.tpr:.3f} at {reader.fpr:.3f}"
        svg.text(left + 38, y, said, "start")
        y += 18
    return svg.done()


def _shortened(name: str) -> str:
    """Return a name for a legend, with its end, where names differ."""
    return (
        name if len(name) <= _LONGEST else f"{name[:36].strip()}…{name[-23:].strip()}"
    )


def _mark(n: int, x: float, y: float) -> str:
    """Return one of three shapes, so that readers can be told apart without colour."""
    shapes = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"',
        f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"',
        f'<path d="M{x:.1f} {y - 6:.1f} l6 11 h-12 z"',
    )
    return f'{shapes[n % 3]} fill="black"/>'


def _thinned(roc: Roc) -> list[tuple[float, float]]:
    """Return the points that change the picture: at most some hundreds."""
    if roc.fpr.size <= _POINTS:
        return list(zip(roc.fpr.tolist(), roc.tpr.tolist(), strict=True))
    # Even along the curve, not by threshold: most thresholds lie at one end.
    along = roc.fpr + roc.tpr
    keep = np.unique(np.searchsorted(along, np.linspace(0, 2, _POINTS)))
    keep = np.unique(np.clip(np.concatenate([[0], keep]), 0, along.size - 1))
    return list(zip(roc.fpr[keep].tolist(), roc.tpr[keep].tolist(), strict=True))


def picture_grid(
    rows: Sequence[tuple[str, Sequence[tuple[bytes, str]]]],
    heads: Sequence[str],
    title: str,
    legend: Mapping[str, str],
) -> str:
    """Return pictures in rows and columns, within one file that needs no other.

    Parameters
    ----------
    rows : sequence of (str, sequence of (bytes, str))
        Name of the row, and its pictures as PNG, each with what stands below it.
    heads : sequence of str
        What stands above each column.
    title : str
        What stands above all.
    legend : mapping of str to str
        Name of a class to its colour, ``#rrggbb``.
    """
    gap = 12.0
    sizes = [[_png_size(png) for png, _ in pictures] for _, pictures in rows]
    # Columns are as wide as their heads need, whatever the pictures.
    column = max([110, *(width for row in sizes for width, _ in row)]) + gap
    line = 22.0
    tall = [max((height for _, height in row), default=0) + 2 * line for row in sizes]
    width = max(gap + column * len(heads), 320.0)
    svg = _Svg(width, 62 + sum(tall) + line, title)
    svg.text(width / 2, 20, title)
    for n, head in enumerate(heads):
        svg.text(gap + column * (n + 0.5) - gap / 2, 46, head)
    top = 52.0
    for (name, pictures), row, height in zip(rows, sizes, tall, strict=True):
        svg.text(gap, top + 14, name, "start")
        for n, ((png, caption), (wide, high)) in enumerate(
            zip(pictures, row, strict=True)
        ):
            left = gap + column * n
            data = base64.b64encode(png).decode()
            said = html.escape(f"{name}: {heads[n]}", quote=True)
            svg.parts.append(
                f'<image x="{left:.1f}" y="{top + line:.1f}" width="{wide}" '
                f'height="{high}" href="data:image/png;base64,{data}">'
                f"<title>{said}</title></image>"
            )
            svg.text(left + wide / 2, top + line + high + 15, caption)
        top += height
    x = gap
    for name, ink in legend.items():
        svg.parts.append(
            f'<rect x="{x:.1f}" y="{top + 4:.1f}" width="12" height="12" fill="{ink}"/>'
        )
        svg.text(x + 18, top + 14, name, "start")
        x += 42 + 7 * len(name)
    return svg.done()


def _png_size(png: bytes) -> tuple[int, int]:
    """Return width and height of a PNG, which its header says first."""
    width, height = struct.unpack(">II", png[16:24])
    return int(width), int(height)
