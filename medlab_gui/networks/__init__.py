"""Networks by name; importing this package does not load torch.

A network takes ``(N, in_channels, H, W)`` of any height and width. Those of `NETWORKS`
draw masks: they return logits ``(N, n_classes, H, W)`` and derive from
`networks.base.SegmentationNetwork`. Those of `CLASSIFIERS` say what a whole picture
shows: logits ``(N, 1)`` for two classes, else ``(N, n_classes)``; they derive from
`networks.base.ClassificationNetwork`.

Neighbouring slices as channels ("2.5D") need nothing of their own: ``in_channels`` is
their number, and the slice that is meant lies in the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from medlab_gui.core.errors import SpecError
from medlab_gui.core.registry import Registry
from medlab_gui.core.spec_checks import nearest

if TYPE_CHECKING:
    from medlab_gui.core.specs import NetworkSpec
    from medlab_gui.networks.base import (
        ClassificationNetwork,
        Network,
        SegmentationNetwork,
    )

    N = TypeVar("N", bound=Network)

__all__ = [
    "CLASSIFIERS",
    "NETWORKS",
    "build",
    "build_any",
    "build_classifier",
    "describe",
    "freeze",
    "is_classifier",
]

NETWORKS: Registry[type[SegmentationNetwork]] = Registry(
    "network",
    {
        "msf_fcn": "medlab_gui.networks.msf_fcn:MultiScaleFusionFCN",
        "fcn32s": "medlab_gui.networks.fcn:FCN32s",
        "fcn8s": "medlab_gui.networks.fcn:FCN8s",
        "unet": "medlab_gui.networks.unet:UNet",
        "segnet": "medlab_gui.networks.segnet:SegNet",
        "deeplab_v1": "medlab_gui.networks.deeplab:DeepLabV1",
        "resnet_cbam_unet": "medlab_gui.networks.resnet_cbam_unet:ResNetCBAMUNet",
    },
    entry_point_group="medlab.networks",
)
"""Name to class of the networks that draw masks; plugins add theirs by entry point."""

CLASSIFIERS: Registry[type[ClassificationNetwork]] = Registry(
    "classifier",
    {
        "alexnet": "medlab_gui.networks.alexnet:AlexNet",
        "resnet50": "medlab_gui.networks.resnet:ResNet50",
        "inception_v3": "medlab_gui.networks.inception_v3:InceptionV3",
    },
    entry_point_group="medlab.classifiers",
)
"""Name to class of the networks that tell what a slice shows."""


def is_classifier(spec: NetworkSpec) -> bool:
    """Tell whether a network says what slices show, instead of drawing masks."""
    return spec.name in CLASSIFIERS and spec.name not in NETWORKS


def build(spec: NetworkSpec) -> SegmentationNetwork:
    """Return a new network that draws masks, with random weights.

    Parameters
    ----------
    spec : NetworkSpec
        Which one, its channels, classes and options. The weights come from torch's
        global random state: seed it first where they must be repeatable.

    Raises
    ------
    SpecError
        If there is no such network, it is a classifier, or it does not take these
        options.
    """
    if is_classifier(spec):
        msg = (
            f"The network {spec.name!r} is a classifier: it says what a whole slice "
            "shows and draws no mask. For masks choose one of "
            f"{', '.join(sorted(NETWORKS))}."
        )
        raise SpecError(msg)
    return _made(NETWORKS[spec.name], spec)


def build_classifier(spec: NetworkSpec) -> ClassificationNetwork:
    """Return a new classifier with random weights; see `build`.

    Raises
    ------
    SpecError
        If there is no such classifier, or it does not take these options.
    """
    return _made(CLASSIFIERS[spec.name], spec)


def build_any(spec: NetworkSpec) -> Network:
    """Return a new network of either kind with random weights; see `build`.

    Raises
    ------
    SpecError
        If there is no such network, or it does not take these options.
    """
    if is_classifier(spec):
        return build_classifier(spec)
    if spec.name not in NETWORKS:
        known = sorted({*NETWORKS, *CLASSIFIERS})
        msg = f"There is no network named {spec.name!r}; known are {', '.join(known)}."
        raise SpecError(msg + nearest(spec.name, known))
    return build(spec)


def _made(network: type[N], spec: NetworkSpec) -> N:
    try:
        return network(spec.in_channels, spec.n_classes, **spec.options)
    except TypeError as error:
        known = ", ".join(network.options()) or "none"
        unknown = sorted(set(spec.options) - set(network.options()))
        given = ", ".join(unknown or sorted(spec.options)) or "none"
        msg = (
            f"The network {spec.name!r} cannot be built with the options {given}; "
            f"its options are {known}."
        )
        hint = nearest(unknown[0], network.options()) if unknown else ""
        raise SpecError(msg + hint) from error


def describe(spec: NetworkSpec, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return what a person wants to know of a network before using it.

    Parameters
    ----------
    spec : NetworkSpec
        Which network.
    size : tuple of int, optional
        Height and width in pixels for which multiplications are counted; those of the
        paper by default.

    Returns
    -------
    dict
        ``name``, ``kind`` (``"segmentation"`` or ``"classification"``), ``title``,
        ``paper``, ``n_weights`` (learned numbers), ``multiply_adds`` (of convolutions
        and dense layers for one picture), ``input`` (``[in_channels, H, W]``),
        ``options``, ``choices`` (options that take a word, with all words),
        ``transfers_from`` (public weights that it takes over with these options).
        Nothing is allocated for it.
    """
    from medlab_gui.networks.base import count_multiply_adds, count_weights, on_meta

    network = on_meta(lambda: build_any(spec))
    height, width = network.paper_size if size is None else size
    return {
        "name": spec.name,
        "kind": network.kind,
        "title": network.title,
        "paper": network.paper,
        "n_weights": count_weights(network),
        "multiply_adds": count_multiply_adds(
            network, (spec.in_channels, height, width)
        ),
        "input": [spec.in_channels, height, width],
        "options": {**network.options(), **spec.options},
        "choices": {option: list(words) for option, words in network.choices.items()},
        "transfers_from": sorted(network.public_names()),
    }


def freeze(module: Network, trainable: str | tuple[str, ...] = "all") -> None:
    """Choose what learns; the rest keeps weights and batch-norm statistics.

    Parameters
    ----------
    module : Network
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
