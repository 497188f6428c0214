"""What is compared, in a table: who reads figures wants to know of what."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from medlab_gui.commands.contenders import Folds, Masks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medlab_gui.commands.contenders import Contender, Weights
    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.learning.tables import Table

__all__ = ["networks_table"]

_HEAD = ("Network", "what it is", "began with", "learned from", "length", "loss")


def networks_table(networks: Sequence[Contender]) -> Table | None:
    """Return what weights say of themselves; None where there are masks alone.

    Parameters
    ----------
    networks : sequence of Contender
        What is compared. Masks do not say how they came about.
    """
    from medlab_gui.learning.tables import MISSING, Table

    rows = []
    for network in networks:
        if isinstance(network, Masks):
            rows.append((network.name, "masks", *(MISSING,) * (len(_HEAD))))
            continue
        parts = [*network.folds.values()] if isinstance(network, Folds) else [network]
        rows.append((network.name, *_told(parts)))
    if all(isinstance(network, Masks) for network in networks):
        return None
    return Table(
        "What was compared",
        (*_HEAD, "seed", "SHA-256"),
        tuple(rows),
        (
            "As the weights describe themselves. Length: epochs or iterations of the "
            "phases, and the epoch that was kept. SHA-256: the beginning, of the file.",
        ),
        "networks",
    )


def _told(parts: Sequence[Weights]) -> tuple[str, ...]:
    """Return what is told of weights, or of the folds of a cross-validation."""
    from medlab_gui.core.training import TrainSpec
    from medlab_gui.learning.card import loss_in_words
    from medlab_gui.learning.tables import MISSING

    meta = parts[0].meta
    options = ", ".join(f"{k} {v}" for k, v in _options(meta.network).items())
    what = meta.network.name + (f" ({options})" if options else "")
    if meta.network.in_channels > 1:
        what += f", {meta.network.in_channels} channels"
    learned = [p.meta.card.get("n_training_slices") for p in parts]
    known = sorted({int(n) for n in learned if n is not None})
    # From the fewest to the most, over the folds.
    ends = [str(n) for n in (known[:1] + known[1:][-1:])]
    slices = f"{' to '.join(ends)} slice{'s' * (ends != ['1'])}" if ends else MISSING
    kept = "/".join(str(p.meta.epoch) for p in parts)
    digests = " ".join(_digest(p) for p in parts)
    recipe = meta.card.get("recipe")
    if not recipe:
        return (what, MISSING, slices, f"kept {kept}", MISSING, MISSING, digests)
    spec = TrainSpec.from_dict(recipe)
    length = " + ".join(
        _counted(p.steps, "iteration") if p.steps else _counted(p.epochs, "epoch")
        for p in spec.phases
    )
    began = str(meta.card.get("parent") or spec.encoder_weights or "random weights")
    return (
        *(what, began, slices, f"{length}; kept {kept}"),
        *(loss_in_words(spec), str(spec.seed), digests),
    )


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _options(network: NetworkSpec) -> dict[str, Any]:
    """Return a network's options, those that choose a variant also by default."""
    from medlab_gui.networks import CLASSIFIERS, NETWORKS, is_classifier

    made = (CLASSIFIERS if is_classifier(network) else NETWORKS)[network.name]
    usual = made.options()
    return {**{k: usual[k] for k in made.choices}, **network.options}


def _digest(weights: Weights) -> str:
    with weights.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
