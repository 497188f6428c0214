"""``medlab weights``: public weights, and others from elsewhere, to start from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.command import Command, Telling, Where, param
from medlab_gui.commands.values import as_path
from medlab_gui.core.errors import InputError
from medlab_gui.core.i18n import N_

if TYPE_CHECKING:
    from medlab_gui.commands.command import Context

__all__ = ["WEIGHTS", "WeightsParams"]


@dataclass(frozen=True)
class WeightsParams:
    """What to do, with which file."""

    action: str = param(
        "add: check a file of weights and keep it for all projects. list: what is "
        "kept, and which public files there are.",
        "add",
        title="What to do",
        choices=("add", "list"),
        words=(N_("Add a file"), N_("List what is there")),
        positional=True,
    )
    file: str = param(
        "File to add: a public .pth file, .safetensors, or a checkpoint of MedLab.",
        "",
        kind="open_file",
        positional=True,
    )
    name: str = param(
        "What recipes will call the added weights; by default after the network.", ""
    )


def run(params: WeightsParams, ctx: Context) -> dict[str, Any]:
    """Add a file of weights, or list what there is."""
    from medlab_gui.learning import registered_weights as registry

    folder = ctx.settings.weights_path
    if params.action == "list":
        if params.file or params.name:
            msg = "`medlab weights list` takes no file and no name."
            raise InputError(msg)
        registered = registry.registered_weights(folder)
        sums = {w.sha256 for w in registered}
        known = [
            {
                **asdict(file),
                "networks": list(file.networks),
                "registered": any(s.startswith(file.sha256) for s in sums),
            }
            for file in registry.KNOWN
        ]
        return {
            "folder": str(folder),
            "weights": [w.to_dict() for w in registered],
            "known": known,
        }
    if not params.file:
        msg = (
            "Name the file of weights to add, e.g. `medlab weights add "
            "vgg16-397923af.pth`; `medlab weights list` says where it is to be had."
        )
        raise InputError(msg)
    ctx.progress(0, 1, "Checking the weights")
    added = registry.add_weights(as_path(params.file), folder, params.name)
    return {"added": added.to_dict(), "fits": _fits(added)}


def _fits(added: Any) -> list[str]:
    from medlab_gui.learning.registered_weights import KNOWN

    if added.network:
        return [str(added.network["name"])]
    return list(next(k.networks for k in KNOWN if k.source == added.source))


def text(result: dict[str, Any]) -> str:
    """Say it in words."""
    if "added" in result:
        added = result["added"]
        return "\n".join(
            [
                f"{added['file']} is kept as {added['name']!r}: {added['title']}, "
                f"{added['n_tensors']} tensors, {added['n_numbers'] / 1e6:.1f} million "
                "numbers.",
                f"SHA-256 {added['sha256']}",
                f"Licence: {added['licence']}",
                f"For {', '.join(result['fits'])}.",
            ]
        )
    lines = ["Registered:"]
    for weights in result["weights"]:
        lines += [
            f"  {weights['name']}: {weights['title']}",
            f"    {weights['n_numbers'] / 1e6:.1f} million numbers from "
            f"{weights['file']}; licence: {weights['licence']}",
        ]
    if not result["weights"]:
        lines.append("  nothing yet; download a file and `medlab weights add FILE`")
    lines.append("Public files that MedLab knows:")
    for known in result["known"]:
        state = " (registered)" if known["registered"] else ""
        lines += [
            f"  {known['title']}{state}",
            f"    {known['url']}",
            f"    SHA-256 {known['sha256']}{'' if len(known['sha256']) == 64 else '…'}",
            f"    licence: {known['licence']}",
            f"    for {', '.join(known['networks'])}",
        ]
    return "\n".join(lines)


WEIGHTS = Command(
    verb="weights",
    title=N_("Add public weights…"),
    help=N_("Keep public weights to start networks from, or list what there is."),
    params=WeightsParams,
    run=run,
    text=text,
    told=Telling.NOTICE,
    where=Where.CHILD,
    menu="medlab/model/4_weights",
    details=N_(
        "Public files (ImageNet) are downloaded by you; MedLab checks their SHA-256 "
        "where it knows it and keeps them as safetensors in the user's data folder. "
        "Files are read as tensors only: one that asks for more would run code, and is "
        "refused. The encoder of a recipe's network starts from them by their name "
        "(encoder_weights); what was taken over, what was not and why is told."
    ),
    examples=(
        "medlab weights list",
        "medlab weights add vgg16-397923af.pth",
        "medlab weights add mandible.safetensors --name mandible-2026",
    ),
)
