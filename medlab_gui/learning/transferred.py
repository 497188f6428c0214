"""Start a network from weights that were learned elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlab_gui.core.errors import SpecError
from medlab_gui.learning.registered_weights import read_weights

if TYPE_CHECKING:
    from medlab_gui.core.specs import NetworkSpec, PipelineSpec
    from medlab_gui.learning.registered_weights import RegisteredWeights
    from medlab_gui.networks.base import Network
    from medlab_gui.networks.transfer import TransferReport

__all__ = ["check_start", "start_from_weights"]


def check_start(network: NetworkSpec, weights: RegisteredWeights) -> None:
    """Refuse weights that a network does not take over; allocates nothing.

    Raises
    ------
    SpecError
        If it does not take them over.
    """
    from medlab_gui.networks import build_any
    from medlab_gui.networks.base import on_meta
    from medlab_gui.networks.transfer import check_source

    try:
        check_source(on_meta(lambda: build_any(network)), weights.source)
    except SpecError as error:
        raise _unusable(weights, error) from error


def _unusable(weights: RegisteredWeights, error: SpecError) -> SpecError:
    return SpecError(
        f"The registered weights {weights.name!r} cannot be used. {error.message}"
    )


def start_from_weights(
    network: Network,
    weights: RegisteredWeights,
    pipeline: PipelineSpec,
    *,
    whole: bool = False,
) -> TransferReport:
    """Take over what fits by name and shape; see `networks.transfer`.

    Parameters
    ----------
    network : Network
        Changed in place.
    weights : RegisteredWeights
        Which ones.
    pipeline : PipelineSpec
        What the network will see: where its last step is a z-score the pictures are
        normalised already, else the first layer is changed to do it.
    whole : bool
        Take decoder and last layer too, where they fit; by default the encoder alone.

    Raises
    ------
    CheckpointError
        If the file is damaged or gone.
    SpecError
        If the network does not take over these weights, or nothing fits.
    """
    from medlab_gui.networks.transfer import transfer

    enabled = [step.name for step in pipeline.steps if step.enabled]
    normalised = bool(enabled) and enabled[-1] == "zscore"
    try:
        tensors = read_weights(weights)
        return transfer(network, tensors, normalised=normalised, whole=whole)
    except SpecError as error:
        raise _unusable(weights, error) from error
