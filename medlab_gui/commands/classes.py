"""``medlab classes``: what the values of the project's masks mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, param
from medlab_gui.commands.values import as_path, counted
from medlab_gui.core.errors import InputError, SpecError
from medlab_gui.core.i18n import N_
from medlab_gui.core.json_file import read_json
from medlab_gui.core.labels import OKABE_ITO, LabelClass, LabelScheme

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context
    from medlab_gui.store.project import ProjectStore

__all__ = ["CLASSES", "ClassesParams", "parse_classes"]

_MOST = 254
_LISTED = 4


@dataclass(frozen=True)
class ClassesParams:
    """The classes to use from now on; without any they are listed."""

    classes: str = param(
        "Names in the order of their values, each with its colour if you like: "
        "'Liver,#e69f00; Spleen'.",
        "",
    )
    file: str = param(
        "JSON file with the classes instead (as --json shows them).",
        "",
        kind="open_file",
    )
    rename: str = param(
        "Other names for classes that keep their value, voxels and colour, e.g. "
        "'Liver=Liver parenchyma; Cyst=Lesion'.",
        "",
        in_dialog=False,
    )


def parse_classes(text: str, old: LabelScheme) -> LabelScheme:
    """Return the classes that somebody wrote.

    Parameters
    ----------
    text : str
        ``"Liver,#e69f00; Spleen"``; the first has value 1. A class that the old scheme
        has keeps its colour and code where no colour is given.
    old : LabelScheme
        The classes until now.

    Raises
    ------
    SpecError
        If there is none or too many, a colour is none, or a name is there twice.
    """
    known = {c.name.casefold(): c for c in old.classes}
    classes = []
    for value, part in enumerate((p for p in text.split(";") if p.strip()), start=1):
        name, comma, color_text = (p.strip() for p in part.partition(","))
        before = known.get(name.casefold())
        color = OKABE_ITO[(value - 1) % len(OKABE_ITO)]
        if comma:
            color = _parse_color(color_text, name)
        elif before is not None:
            color = before.color
        code = before.code if before is not None else None
        classes.append(LabelClass(value, name, color, code))
        if value > _MOST:
            msg = f"A mask has room for {_MOST} classes; more are given."
            raise SpecError(msg)
    return _checked(_with_classes(old, classes))


def parse_renaming(text: str, old: LabelScheme) -> dict[str, str]:
    """Return the new name of each class that somebody wants to rename.

    Parameters
    ----------
    text : str
        ``"Liver=Parenchyma; Cyst=Lesion"``.
    old : LabelScheme
        The classes until now.

    Raises
    ------
    SpecError
        If a part is no pair of names, or there is no such class.
    """
    known = {c.name.casefold(): c.name for c in old.classes}
    result: dict[str, str] = {}
    for part in filter(str.strip, text.split(";")):
        before, mark, after = (p.strip() for p in part.partition("="))
        if not mark or not before or not after:
            msg = f"{part.strip()!r} is no renaming; write OLD=NEW, e.g. Liver=Lobe."
            raise SpecError(msg)
        if before.casefold() not in known:
            names = ", ".join(_names(old))
            msg = f"There is no class {before!r} to rename; there are {names}."
            raise SpecError(msg)
        result[known[before.casefold()]] = after
    return result


def _renamed(old: LabelScheme, renaming: dict[str, str]) -> LabelScheme:
    classes = (replace(c, name=renaming.get(c.name, c.name)) for c in old.classes)
    return _checked(_with_classes(old, [*classes]))


def _with_classes(old: LabelScheme, classes: list[LabelClass]) -> LabelScheme:
    """Return the classes under the old name, unless that only listed the old ones.

    Weights and their cards bear it: those of a mandible are not "Liver and spleen".
    """
    from medlab_gui.store.project import DEFAULT_SCHEME

    listed = {DEFAULT_SCHEME.name.casefold(), _listing(_names(old)).casefold()}
    now = [one.name for one in classes]
    changed = [n.casefold() for n in now] != [n.casefold() for n in _names(old)]
    name = _listing(now) if changed and old.name.casefold() in listed else old.name
    return LabelScheme(name, tuple(classes))


def _listing(names: list[str]) -> str:
    """Return ``"Liver and spleen"``; of many, the first ones and how many more."""
    if len(names) > _LISTED:
        rest = len(names) - _LISTED + 1
        names = [*names[: _LISTED - 1], f"{rest} more"]
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if names[1:] else names)


def _parse_color(text: str, name: str) -> tuple[int, int, int]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        msg = (
            f"{text!r} is no colour for {name or 'a class'}; write it as #rrggbb, "
            "e.g. #e69f00, and put a semicolon between classes."
        )
        raise SpecError(msg)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _checked(scheme: LabelScheme) -> LabelScheme:
    if not scheme.classes:
        msg = "A project needs one class or more; none is given."
        raise SpecError(msg)
    for one in scheme.classes:
        if any(not 0 <= v <= 255 for v in one.color):
            msg = f"The colour of {one.name} is {one.color}; each part is 0 to 255."
            raise SpecError(msg)
        if ";" in one.name or "," in one.name:
            msg = f"The name {one.name!r} has a comma or a semicolon. Leave it out."
            raise SpecError(msg)
    return scheme


def _names(scheme: LabelScheme) -> list[str]:
    return [c.name for c in scheme.classes]


def _check_use(
    store: ProjectStore, new: LabelScheme, renaming: dict[str, str], ctx: Context
) -> list[str]:
    """Return the series whose masks must learn the new classes.

    Raises
    ------
    InputError
        If voxels would mean something else or nothing.
    """
    import numpy as np

    from medlab_gui.store.fold import current_mask, scheme_of

    names, outdated = _names(new), []
    everything = store.series_list()
    for n, series in enumerate(everything):
        ctx.progress(n, len(everything), series.description or series.uid)
        latest = store.latest_annotation(series.uid)
        mask, _confirmed, seq = current_mask(store, series.uid)
        if latest is None and not seq:
            continue
        before = _names(scheme_of(store, latest))
        own = [renaming.get(name, name) for name in before]
        counts = np.bincount(mask.ravel(), minlength=256)
        for value, name in enumerate(own, start=1):
            n_voxels = int(counts[value])
            if n_voxels and (value > len(names) or names[value - 1] != name):
                what = (
                    f"the new classes have {names[value - 1]!r} in its place"
                    if value <= len(names)
                    else "the new classes leave it out"
                )
                msg = (
                    f"The class {name} has {counted(n_voxels, 'voxel')} in "
                    f"{series.description or series.uid}, and {what}. Erase them or "
                    "keep the class where it is; nothing was changed."
                )
                raise InputError(msg)
        if names[: len(before)] != before:
            outdated.append(series.uid)
    return outdated


def run(params: ClassesParams, ctx: Context) -> dict[str, Any]:
    """List the classes of the project, or choose others."""
    given = [p for p in (params.classes, params.file, params.rename) if p.strip()]
    if len(given) > 1:
        msg = "Give the classes, a file with them or a renaming, not two of them."
        raise InputError(msg)
    with ctx.store() as store:
        before = store.scheme()
        renaming: dict[str, str] = {}
        if not given:
            return {**before.to_dict(), "changed": False, "message": ""}
        if params.rename.strip():
            renaming = parse_renaming(params.rename, before)
            new = _renamed(before, renaming)
        elif params.file:
            data = read_json(as_path(params.file), "a list of classes")
            new = _checked(LabelScheme.from_dict(_as_scheme(data)))
        else:
            new = parse_classes(params.classes, before)
        outdated = _check_use(store, new, renaming, ctx)
        store.set_scheme(new)
        for uid in outdated:
            _teach(store, uid, new, ctx)
        return {
            **new.to_dict(),
            "changed": new != before,
            "message": _about_weights(store, new),
        }


def _as_scheme(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        msg = "This file holds no classes: an object with name and classes is expected."
        raise SpecError(msg)
    return data


def _teach(store: ProjectStore, uid: str, new: LabelScheme, ctx: Context) -> None:
    """Make a revision with the new classes: a revision keeps those it was made with.

    Undo does not reach below it, since older strokes may be of a class that is gone.
    """
    from medlab_gui.store.fold import current_mask, fold_journal

    author = ctx.settings.author_name
    fold_journal(store, uid, author)
    latest = store.latest_annotation(uid)
    mask, confirmed, seq = current_mask(store, uid)
    store.add_annotation(
        uid,
        mask,
        new,
        confirmed=[int(k) for k in confirmed.nonzero()[0]],
        author=author,
        journal_seq=seq,
        parent=latest.id if latest is not None else None,
    )


def _about_weights(store: ProjectStore, new: LabelScheme) -> str:
    current = store.current_checkpoint()
    if current is None or _names(current.scheme) == _names(new):
        return ""
    known = ", ".join(_names(current.scheme))
    return (
        f"The weights in use ({current.name}) know {known} only. Fine-tune to teach "
        "them the new classes."
    )


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    lines = [
        f"{c['value']:4}  #{bytes(c['color']).hex()}  {c['name']}"
        for c in result["classes"]
    ]
    if result["message"]:
        lines.append(result["message"])
    return "\n".join(lines)


CLASSES = Command(
    verb="classes",
    title=N_("Classes…"),
    help=N_("List the classes of the project's masks, or choose others."),
    params=ClassesParams,
    run=run,
    text=text,
    menu="medlab/annotate/2_classes",
    when="project_open",
    details=N_(
        "Without classes they are listed. A class of which any mask has voxels can be "
        "neither removed nor moved nor replaced by another one: its voxels would mean "
        "something else. With --rename it gets another name and keeps them. Classes "
        "are added at the end; colours can always change."
    ),
    examples=(
        "medlab classes --project liver",
        "medlab classes --classes 'Liver,#e69f00; Tumour,#d55e00' --project liver",
        "medlab classes --file classes.json --project liver",
        "medlab classes --rename 'Liver=Liver parenchyma' --project liver",
    ),
)
