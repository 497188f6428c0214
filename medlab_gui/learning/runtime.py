"""What runs a network: torch, and where it is installed something faster."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from medlab_gui.core.errors import ResourceError
from medlab_gui.networks.base import channels_last
from medlab_gui.networks.segnet import SegNet

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.learning.openvino_runtime import OpenVinoRuntime
    from medlab_gui.networks.base import SegmentationNetwork

__all__ = ["TorchRuntime", "fold_normalisation", "openvino_of"]

_log = logging.getLogger(__name__)


class TorchRuntime:
    """A network run by torch, on the processor or a graphics card.

    Kernels lie with channels last, nothing is kept for gradients, and a batch that a
    graphics card has no room for is halved.

    Parameters
    ----------
    network : nn.Module
        From ``(N, C_in, H, W)`` to logits; moved to the device and put in evaluation
        mode.
    device : str
        ``"cpu"`` or ``"cuda"``.
    mixed : bool
        Whether convolutions on a graphics card are reckoned in bfloat16 (float16 on
        older cards). Processors keep float32: where they have no unit for it (AMX),
        bfloat16 is slower.

    Attributes
    ----------
    name : str
        What a person reads.
    """

    def __init__(self, network: nn.Module, device: str, *, mixed: bool = False) -> None:
        self._network = network.to(device).eval()
        channels_last(self._network)
        self._device = device
        self._precision: torch.dtype | None = None
        self.name = "torch"
        if mixed and device == "cuda":
            newer = torch.cuda.is_bf16_supported(including_emulation=False)
            self._precision = torch.bfloat16 if newer else torch.float16
            self.name = f"torch, {str(self._precision).removeprefix('torch.')}"

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return logits ``(N, C, H, W)`` of pictures ``(N, C_in, H, W)``.

        Raises
        ------
        ResourceError
            If the graphics card has no room even for a single picture.
        """
        try:
            return self._run(images)
        except torch.OutOfMemoryError as error:
            if len(images) == 1:
                msg = (
                    "The graphics card has no room for this slice; close other "
                    "programs that use it, choose tiles, or choose the device cpu."
                )
                raise ResourceError(msg) from error
        torch.cuda.empty_cache()
        half = len(images) // 2
        return torch.cat([self(images[:half]), self(images[half:])])

    def _run(self, images: Tensor) -> Tensor:
        images = images.to(self._device, memory_format=torch.channels_last)
        logits: Tensor
        if self._precision is not None:
            with torch.autocast(self._device, self._precision):
                logits = self._network(images)
            # float16 ends at 65,504; a network that goes beyond is reckoned again.
            if self._precision == torch.bfloat16 or bool(logits.isfinite().all()):
                return logits
        logits = self._network(images)
        return logits


def fold_normalisation(network: nn.Module) -> None:
    """Put batch normalisation into the convolutions before it, in place.

    For a network that will only predict: the same result up to rounding, and a pass
    over each feature map less.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode. Only what follows one another in an `nn.Sequential` is
        folded; elsewhere nothing says what comes after what.
    """
    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            continue
        for n in range(len(module) - 1):
            one, after = module[n], module[n + 1]
            if type(one) is nn.Conv2d and type(after) is nn.BatchNorm2d:
                module[n] = fuse_conv_bn_eval(one, after)
                module[n + 1] = nn.Identity()


def openvino_of(
    network: SegmentationNetwork, path: Path
) -> tuple[OpenVinoRuntime | None, str]:
    """Return a network for OpenVINO, where that is installed and can do it.

    Parameters
    ----------
    network : SegmentationNetwork
        With its weights, on the processor, in evaluation mode.
    path : Path
        The checkpoint that they came from; its content names the conversion.

    Returns
    -------
    runtime : OpenVinoRuntime or None
        None where torch has to do it.
    why : str
        A sentence where it is installed and failed; else nothing.
    """
    from importlib.util import find_spec

    if find_spec("openvino") is None or isinstance(network, SegNet):
        # OpenVINO puts what SegNet unpools in place one by one: twice torch's time.
        return None, ""
    try:
        from medlab_gui.learning.openvino_runtime import OpenVinoRuntime

        return OpenVinoRuntime(network, path), ""
    except (RuntimeError, ImportError, OSError, ValueError, TypeError) as error:
        _log.info("OpenVINO cannot run this network.", exc_info=True)
        return None, failed(error)


def failed(error: Exception) -> str:
    """Say that OpenVINO failed, and what is done instead."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return (
        "OpenVINO could not run this network, so torch does, slower and with the same "
        f"result ({lines[0][:150]})."
    )
