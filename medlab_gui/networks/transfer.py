"""Weights learned elsewhere: what fits by name and shape is taken over.

Public files were made for pictures of three colours, normalised by the mean and
deviation of ImageNet. The first layer is changed so that a grey picture with values
from 0 to 1 gives what its three equal, normalised colours gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from medlab_gui.core.errors import SpecError
from medlab_gui.networks.base import below

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medlab_gui.networks.base import Network

__all__ = [
    "SOURCES",
    "Source",
    "TransferReport",
    "check_source",
    "identify",
    "transfer",
]

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Source:
    """A public network whose files are known.

    Parameters
    ----------
    title : str
        What a person reads.
    first : str
        Name of its first convolution.
    first_norm : str or None
        Batch normalisation right after it, where it has no bias.
    mean, deviation : tuple of 3 floats
        Of the normalisation of its pictures, whose values were 0 to 1.
    has, lacks : dict of str to shape, tuple of str
        Tensors that tell it from others.
    """

    title: str
    first: str
    first_norm: str | None
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    has: Mapping[str, tuple[int, ...]]
    lacks: tuple[str, ...] = ()


SOURCES: dict[str, Source] = {
    "vgg16": Source(
        "VGG16, ImageNet",
        "features.0",
        None,
        *_IMAGENET,
        {
            "features.0.weight": (64, 3, 3, 3),
            "features.0.bias": (64,),
            "features.28.weight": (512, 512, 3, 3),
        },
        # VGG19; with batch normalisation; and our own networks that begin with it.
        ("features.34.weight", "features.1.weight", "score.weight"),
    ),
    "vgg16_bn": Source(
        "VGG16 with batch normalisation, ImageNet",
        "features.0",
        None,
        *_IMAGENET,
        {
            "features.0.weight": (64, 3, 3, 3),
            "features.0.bias": (64,),
            "features.1.running_mean": (64,),
            "features.40.weight": (512, 512, 3, 3),
        },
        ("features.49.weight",),
    ),
    "resnet50": Source(
        "ResNet-50, ImageNet",
        "conv1",
        "bn1",
        *_IMAGENET,
        {
            "conv1.weight": (64, 3, 7, 7),
            "bn1.running_mean": (64,),
            "layer4.2.conv3.weight": (2048, 512, 1, 1),
        },
        ("layer3.6.conv1.weight",),
    ),
    "alexnet": Source(
        "AlexNet, ImageNet",
        "features.0",
        None,
        *_IMAGENET,
        {
            "features.0.weight": (64, 3, 11, 11),
            "features.0.bias": (64,),
            "features.10.weight": (256, 256, 3, 3),
        },
        ("head.0.weight",),
    ),
    "inception_v3": Source(
        "Inception-V3, ImageNet",
        "Conv2d_1a_3x3.conv",
        "Conv2d_1a_3x3.bn",
        # torchvision turns its usual normalisation into this one before the network.
        (0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5),
        {
            "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
            "Conv2d_1a_3x3.bn.running_mean": (32,),
            "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
        },
    ),
}
"""Public networks by name; the tensors' names are torchvision's."""


@dataclass(frozen=True)
class TransferReport:
    """What was taken over, what was not, and why.

    Parameters
    ----------
    source : str
        Key of `SOURCES`, or "" for weights of MedLab's own.
    loaded : tuple of str
        The network's tensors that were taken over, changed ones among them.
    changed : dict of str to str
        Of those, which were changed, and how.
    unused : dict of str to str
        The file's tensors that were not used, and why.
    left : tuple of str
        The network's tensors that keep what they had.
    n_weights : int
        Learned numbers that were taken over.
    n_all : int
        Learned numbers of the network.
    """

    source: str
    loaded: tuple[str, ...]
    changed: dict[str, str]
    unused: dict[str, str]
    left: tuple[str, ...]
    n_weights: int
    n_all: int

    def lines(self) -> list[str]:
        """Return it as a person reads it, one line for each thing to say."""
        share = 100 * self.n_weights / self.n_all
        lines = [
            f"Taken over: {len(self.loaded)} tensors, {self.n_weights / 1e6:.2f} of "
            f"{self.n_all / 1e6:.2f} million weights ({share:.0f} %)."
        ]
        lines += [f"Changed: {name}, {how}." for name, how in self.changed.items()]
        reasons: dict[str, list[str]] = {}
        for name, why in self.unused.items():
            reasons.setdefault(why, []).append(name)
        for why, names in reasons.items():
            lines.append(f"Not used: {_some(names)}: {why}.")
        if self.left:
            lines.append(f"As before: {_some(list(self.left))}.")
        return lines


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    return ", ".join(names[:3] if more else names) + more


def identify(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return which public network tensors belong to, or "" for none that is known.

    Parameters
    ----------
    shapes : dict of str to tuple of int
        Shape of each tensor.
    """
    for name, source in SOURCES.items():
        has = all(shapes.get(key) == shape for key, shape in source.has.items())
        if has and not any(key in shapes for key in source.lacks):
            return name
    return ""


def check_source(network: Network, source: str) -> None:
    """Refuse weights of a public network that a network does not take over.

    Parameters
    ----------
    network : Network
        May be without memory for its weights.
    source : str
        Key of `SOURCES`; "" (weights of MedLab's own) is never refused here.

    Raises
    ------
    SpecError
        If it does not take them over.
    """
    names = network.public_names()
    if source and source not in names:
        known = "".join(f"{_called(name)}; " for name in names)
        msg = (
            f"They are those of {_called(source)}, which this network does not take "
            f"over. It takes: {known}weights of MedLab networks."
        )
        raise SpecError(msg)


def _called(source: str) -> str:
    """Return a public network's name; who trained it on what is another matter."""
    return SOURCES[source].title.partition(",")[0]


def transfer(
    network: Network,
    tensors: Mapping[str, Tensor],
    *,
    normalised: bool = False,
    whole: bool = False,
) -> TransferReport:
    """Take over what fits by name and shape, in place.

    Parameters
    ----------
    network : Network
        Changed in place; what does not fit keeps its values.
    tensors : dict of str to Tensor
        Of a public network (`SOURCES`), with torchvision's names, or of any network of
        MedLab's with the names here.
    normalised : bool
        Whether the pictures will have mean 0 and deviation 1, as ImageNet's had. By
        default they have values from 0 to 1, and the first layer of a public network
        does the rest: exactly, but for the outermost pixels where it pads with zeros.
    whole : bool
        Take decoder and last layer too, of weights of MedLab's own; by default only
        what lies below ``network.encoder_prefixes``. Of a public network it is always
        what `Network.public_names` lists.

    Returns
    -------
    TransferReport

    Raises
    ------
    SpecError
        If the network does not take over weights of that source, nothing fits, a
        tensor holds values that are not numbers, or the network does not say what its
        encoder is.

    Notes
    -----
    The first layer adapts to the number of channels: channel ``j`` of ``C`` gets the
    sum of the file's channels ``i`` with ``i % C == j``, and where there are more than
    in the file they share its channels in turn. One and the same picture in all
    channels gives the same response as in the file, whatever their number.
    """
    source = identify({name: tuple(t.shape) for name, t in tensors.items()})
    names = network.public_names()
    check_source(network, source)
    table = names.get(source)
    if source and not normalised:
        tensors = _for_plain_pictures(SOURCES[source], tensors)
    only_encoder = not source and not whole
    if only_encoder and not network.encoder_prefixes:
        msg = (
            "The network does not say which of its parts is the encoder: set transfer "
            "to 'all' for everything that fits."
        )
        raise SpecError(msg)
    own = network.state_dict()
    first = _first_convolution(network)
    taken: dict[str, Tensor] = {}
    changed: dict[str, str] = {}
    unused: dict[str, str] = {}
    for name, tensor in tensors.items():
        ours = _translated(name, table)
        if ours is None or ours not in own:
            unused[name] = "the network has no such layer"
        elif only_encoder and not below(ours, network.encoder_prefixes):
            unused[name] = "not of the encoder (transfer 'all' takes it as well)"
        elif (fitted := _fitted(tensor, own[ours], is_first=ours == first)) is None:
            unused[name] = (
                f"its shape {_sizes(tensor)} is not the network's {_sizes(own[ours])}"
            )
        elif not bool(fitted.isfinite().all()):
            msg = f"The tensor {name} holds values that are not numbers."
            raise SpecError(msg)
        else:
            taken[ours] = fitted.to(own[ours].dtype)
            if fitted.shape != tensor.shape:
                changed[ours] = f"{_sizes(tensor)} became {_sizes(fitted)}"
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    if not any(name in sizes for name in taken):
        why = next(iter(unused.values()), "the file is empty")
        msg = (
            "None of these weights fit the network "
            f"({next(iter(unused), 'nothing')}: {why}). Choose the network and the "
            "width that they were made for (width 1 for public ones)."
        )
        raise SpecError(msg)
    if source and not normalised and first in taken:
        changed[first] = ", ".join(
            filter(None, (changed.get(first), "does ImageNet's normalisation itself"))
        )
    network.load_state_dict({**own, **taken})
    return TransferReport(
        source=source,
        loaded=tuple(taken),
        changed=changed,
        unused=unused,
        left=tuple(n for n in own if n not in taken and not n.endswith(_COUNTER)),
        n_weights=sum(size for name, size in sizes.items() if name in taken),
        n_all=sum(sizes.values()),
    )


def _translated(name: str, table: dict[str, str] | None) -> str | None:
    if table is None:
        return name
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        ours = table.get(".".join(parts[:n]))
        if ours is not None:
            return ".".join([ours, *parts[n:]])
    return None


def _first_convolution(network: Network) -> str:
    return next(
        f"{name}.weight"
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    )


def _fitted(tensor: Tensor, own: Tensor, *, is_first: bool) -> Tensor | None:
    """Return the tensor in the network's shape, or None where it cannot have it."""
    if tensor.shape == own.shape:
        return tensor
    if tensor.ndim == 2 and own.ndim == 4 and len(tensor) == len(own):
        # A dense layer over a whole feature map is a convolution as large as the map.
        return tensor.reshape(own.shape) if tensor.numel() == own.numel() else None
    others = (tensor.shape[:1] + tensor.shape[2:], own.shape[:1] + own.shape[2:])
    if is_first and tensor.ndim == own.ndim == 4 and others[0] == others[1]:
        return _with_channels(tensor, own.shape[1])
    return None


def _with_channels(kernel: Tensor, n_channels: int) -> Tensor:
    """Return a kernel (O, I, H, W) for another number of input channels."""
    n_old = kernel.shape[1]
    if n_channels <= n_old:
        parts = [kernel[:, j::n_channels].sum(dim=1) for j in range(n_channels)]
        return torch.stack(parts, dim=1)
    source = torch.arange(n_channels) % n_old
    shared_by = torch.bincount(source, minlength=n_old)[source]
    return kernel[:, source] / shared_by[None, :, None, None]


def _for_plain_pictures(
    source: Source, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Let the first layer take pictures from 0 to 1 instead of normalised ones."""
    weight = f"{source.first}.weight"
    kernel = tensors[weight].double()
    mean = torch.tensor(source.mean).double()[:, None, None]
    deviation = torch.tensor(source.deviation).double()[:, None, None]
    shift = (kernel * mean / deviation).sum(dim=(1, 2, 3))
    changed = {weight: kernel / deviation}
    if source.first_norm is None:
        bias = f"{source.first}.bias"
        changed[bias] = tensors[bias].double() - shift
    else:
        # There is no bias; the normalisation behind it subtracts a mean anyway.
        running_mean = f"{source.first_norm}.running_mean"
        changed[running_mean] = tensors[running_mean].double() + shift
    return {**tensors, **{n: t.to(tensors[n].dtype) for n, t in changed.items()}}


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "1"
