"""``medlab doctor``: what this machine has, and what to do about what it lacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Telling, Where
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from collections.abc import Callable

    from medlab_gui.commands.command import Context
    from medlab_gui.commands.machine_checks import Check

__all__ = ["DOCTOR", "DoctorParams", "format_report", "run"]


@dataclass(frozen=True)
class DoctorParams:
    """Nothing has to be said."""


def run(params: DoctorParams, ctx: Context) -> dict[str, Any]:
    """Look at everything; nothing is changed, and no project is made.

    Returns
    -------
    dict
        ``{"healthy": bool, "checks": [{"name", "state", "found", "todo"}]}``, where
        ``state`` is ``"ok"``, ``"note"``, ``"warning"`` or ``"fault"`` and ``healthy``
        means that there is no fault.
    """
    import tempfile
    from pathlib import Path

    from medlab_gui.commands import machine_checks as look

    probe: dict[str, Any] = {}

    def ask_qt() -> Check:
        probe.update(look.probe_qt())
        return look.check_qt(probe)

    steps: list[Callable[[], Check]] = [
        look.check_python,
        look.check_system,
        look.check_packages,
        ask_qt,
        lambda: look.check_opengl(probe),
        lambda: look.check_torch(ctx.device),
        look.check_memory,
        lambda: look.check_disk("project", Path(ctx.project_place)),
        lambda: look.check_disk("temporary files", Path(tempfile.gettempdir())),
        look.check_codecs,
        lambda: look.check_fonts(probe),
        lambda: look.check_project(ctx),
        look.check_resources,
    ]
    checks = []
    for done, step in enumerate(steps):
        ctx.progress(done, len(steps), "Looking at this machine")
        checks.append(asdict(step()))
    return {"healthy": all(c["state"] != "fault" for c in checks), "checks": checks}


def format_report(report: dict[str, Any]) -> str:
    """Say it in words, one line for each check and one for what to do."""
    lines = []
    for check in report["checks"]:
        state = check["state"]
        sign = state.upper() if state in ("warning", "fault") else state
        lines.append(f"{sign:<7}  {check['name']}: {check['found']}")
        if check["todo"]:
            lines.append(f"{'':<7}  -> {check['todo']}")
    n_faults = sum(c["state"] == "fault" for c in report["checks"])
    verdict = (
        "MedLab can work here."
        if report["healthy"]
        else f"{n_faults} fault{'s' * (n_faults > 1)} to mend before MedLab can work."
    )
    return "\n".join([*lines, "", verdict])


DOCTOR = Command(
    verb="doctor",
    title=N_("Check this machine…"),
    help=N_("Report what MedLab needs and finds here, and what to do about faults."),
    params=DoctorParams,
    run=run,
    # A child: it loads torch and all codecs, which the window does not need.
    where=Where.CHILD,
    menu="medlab/help/2_look",
    text=format_report,
    told=Telling.REPORT,
    examples=("medlab doctor", "medlab doctor --json"),
)
