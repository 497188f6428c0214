"""Networks by name; importing this package does not load torch.

A network takes ``(N, in_channels, H, W)`` of any height and width and returns logits
``(N, n_classes, H, W)``. It derives from `networks.base.SegmentationNetwork`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import SpecError
from medlab_gui.core.registry import Registry

if TYPE_CHECKING:
    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.networks.base import SegmentationNetwork

__all__ = ["NETWORKS", "build", "describe", "freeze"]

NETWORKS: Registry[type[SegmentationNetwork]] = Registry(
    "network",
    {
        "msf_fcn": "medlab_gui.networks.msf_fcn:MultiScaleFusionFCN",
        "unet": "medlab_gui.networks.unet:UNet",
    },
    entry_point_group="medlab.networks",
)
"""Name to network class; plugins add theirs by entry point."""


def build(spec: NetworkSpec) -> SegmentationNetwork:
    """Return a new network with random weights.

    Parameters
    ----------
    spec : NetworkSpec
        Which one, its channels, classes and options. The weights come from torch's
        global random state: seed it first where they must be repeatable.

    Raises
    ------
    SpecError
        If there is no such network, or it does not take these options.
    """
    network = NETWORKS[spec.name]
    try:
        return network(spec.in_channels, spec.n_classes, **spec.options)
    except TypeError as error:
        known = ", ".join(network.options()) or "none"
        given = ", ".join(sorted(spec.options)) or "none"
        msg = (
            f"The network {spec.name!r} cannot be built with the options {given}; "
            f"its options are {known}."
        )
        raise SpecError(msg) from error


def describe(spec: NetworkSpec, size: tuple[int, int] = (512, 512)) -> dict[str, Any]:
    """Return what a person wants to know of a network before using it.

    Parameters
    ----------
    spec : NetworkSpec
        Which network.
    size : tuple of int
        Height and width in pixels for which multiplications are counted.

    Returns
    -------
    dict
        ``name``, ``title``, ``paper``, ``n_weights`` (learned numbers),
        ``multiply_adds`` (of convolutions and dense layers for one picture), ``input``
        (``[in_channels, H, W]``), ``options``. Nothing is allocated for it.
    """
    from medlab_gui.networks.base import count_multiply_adds, count_weights, on_meta

    network = on_meta(lambda: build(spec))
    return {
        "name": spec.name,
        "title": network.title,
        "paper": network.paper,
        "n_weights": count_weights(network),
        "multiply_adds": count_multiply_adds(network, (spec.in_channels, *size)),
        "input": [spec.in_channels, *size],
        "options": {**network.options(), **spec.options},
    }


def freeze(
    module: SegmentationNetwork, trainable: str | tuple[str, ...] = "all"
) -> None:
    """Choose what learns; the rest keeps weights and batch-norm statistics.

    Parameters
    ----------
    module : SegmentationNetwork
        Changed in place. What is frozen stays in evaluation mode, also after a later
        ``module.train()``.
    trainable : "all", "head" or tuple of str
        Everything; all but ``module.encoder_prefixes``; or modules by name prefix.

    Raises
    ------
    SpecError
        If a prefix names no weights of the network.
    """
    module.freeze(trainable)
