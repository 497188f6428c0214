"""Networks run by OpenVINO (the extra ``fast``), converted once and kept."""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import shutil
import sys
import tempfile
import warnings
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from medlab_gui import __version__
from medlab_gui.core.cache import cache_folder
from medlab_gui.learning.rounding import RoundingGuard, first_layer_in_parts, parts_of
from medlab_gui.networks.base import count_multiply_adds

if TYPE_CHECKING:
    from medlab_gui.networks.base import SegmentationNetwork

__all__ = ["OpenVinoRuntime", "load_openvino"]

_log = logging.getLogger(__name__)

_FORMAT = 2
_MODEL = "network.xml"
_SHAPES = 8  # compiled networks that are kept: three axes and a tile, twice
_MOST_BYTES = 3_000_000_000  # of all conversions together
_TOLERANCE = 1e-3
_PRECISION = "INFERENCE_PRECISION_HINT"
_WORTH = 5e9
"""Multiplications of a picture for which bfloat16 is worth it: a tenth of a second."""
_FROM = 3
"""The picture that is the first to be compared; of one or two nothing would be won."""
# Not square, and other than what it is converted with: nothing may be tied to a shape.
_EXAMPLE, _CHECKED = (4, 4), (2, 3)


def load_openvino() -> Any:
    """Import OpenVINO, which then tells nobody of it.

    Its import reports itself to its maker over the network, from a process that
    it forks and that outlives this one where there is no network. Where the module for
    that cannot be imported, it does without.
    """
    # None is how Python is told that a module is not there.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


class OpenVinoRuntime:
    """A network converted for OpenVINO, on the processor.

    In float32; where a processor has units for bfloat16, pictures that take a while are
    reckoned in that, twice as fast, if `learning.rounding` lets the answer stand.

    The conversion lies in the user's cache under a name made of the checkpoint's
    content, the network's code and the versions, and is made again when one of them
    changes. It is compared with torch's answer before it is kept.

    Parameters
    ----------
    network : SegmentationNetwork
        With its weights, on the processor, in evaluation mode.
    path : Path
        The checkpoint that they came from.

    Raises
    ------
    RuntimeError
        If OpenVINO cannot convert the network, or its answer is another than torch's.
    """

    def __init__(self, network: SegmentationNetwork, path: Path) -> None:
        ov = load_openvino()
        self._version = ov.__version__.partition("-")[0]
        self._stride = network.stride
        self._core = ov.Core()
        self._compiled: dict[tuple[str, tuple[int, ...]], Any] = {}
        # Its own wish where the processor has units for it, and only there.
        rounds = self._core.get_property("CPU", _PRECISION) == ov.Type.bf16
        with first_layer_in_parts(network) if rounds else nullcontext(False) as parts:
            key = _key(network, path, ov.__version__, parts)
            folder = cache_folder("openvino") / key
            kept = self._kept(folder)
            self._model = _converted(network, parts) if kept is None else kept
        self._takes_parts = parts
        if parts:
            side = 2 * network.stride
            work = count_multiply_adds(network, (network.in_channels, side, side))
            self._worth_pixels = _WORTH * side * side / work
        self._guard: RoundingGuard | None = None
        self._n_slow = 0
        if kept is None:
            self._check(network)
            _keep(ov, self._model, folder)
        self.begin()

    def begin(self) -> None:
        """Begin with another scan: what one was like says nothing of the next."""
        self._guard = RoundingGuard() if self._takes_parts else None
        self._n_slow = 0

    @property
    def name(self) -> str:
        """What has run it since `begin`, e.g. ``"OpenVINO 2026.4.1, bfloat16"``."""
        rounded = self._guard is not None and self._guard.n_stood
        return f"OpenVINO {self._version}{', bfloat16' if rounded else ''}"

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return logits ``(N, C, H, W)`` of pictures ``(N, C_in, H, W)``.

        Raises
        ------
        RuntimeError
            If OpenVINO cannot do it.
        """
        height, width = images.shape[-2:]
        below, right = -height % self._stride, -width % self._stride
        if below or right:
            images = functional.pad(images, (0, right, 0, below), mode="replicate")
        # One by one: all cores work on one picture, and it needs the least memory.
        found = [self._logits(one) for one in torch.split(images, 1)]
        return torch.cat(found)[..., :height, :width]

    def _logits(self, image: Tensor) -> Tensor:
        if self._takes_parts:
            image = parts_of(image)
        guard = self._guard
        pixels = image.shape[-2] * image.shape[-1]
        if guard is None or not guard.pays or pixels < self._worth_pixels:
            return self._run(image, "f32")
        self._n_slow += 1
        if self._n_slow < _FROM:
            return self._run(image, "f32")
        rounded = self._run(image, "bf16")
        if guard.stands(rounded[0]):
            return rounded
        exact = self._run(image, "f32")
        guard.learn(rounded[0], exact[0])
        return exact

    def _run(self, image: Tensor, precision: str) -> Tensor:
        request = self._request(tuple(image.shape), precision)
        request.infer([image.contiguous().numpy()])
        return torch.from_numpy(request.get_output_tensor().data.copy())

    def _request(self, shape: tuple[int, ...], precision: str) -> Any:
        key = (precision, shape)
        if key not in self._compiled:
            if len(self._compiled) == _SHAPES:
                del self._compiled[next(iter(self._compiled))]
            model = self._model.clone()
            model.reshape(list(shape))
            wishes = {"PERFORMANCE_HINT": "LATENCY", _PRECISION: precision}
            compiled = self._core.compile_model(model, "CPU", wishes)
            self._compiled[key] = compiled.create_infer_request()
        return self._compiled[key]

    def _kept(self, folder: Path) -> Any:
        file = folder / _MODEL
        if not file.is_file():
            return None
        try:
            model = self._core.read_model(file)
        except RuntimeError:
            _log.warning("A converted network in the cache is damaged; made again.")
            shutil.rmtree(folder, ignore_errors=True)
            return None
        with suppress(OSError):
            os.utime(folder)  # what was used last is thrown away last
        return model

    def _check(self, network: SegmentationNetwork) -> None:
        """Compare with torch, or raise RuntimeError."""
        shape = [side * self._stride for side in _CHECKED]
        dice = torch.Generator().manual_seed(0)
        images = torch.rand(1, network.in_channels, *shape, generator=dice)
        with torch.inference_mode():
            expected = network(images)
        found = self(images)
        apart = float((found - expected).abs().max())
        if not apart <= _TOLERANCE * max(1e-6, float(expected.abs().max())):
            msg = f"its answer differs from torch's by {apart:.2g}"
            raise RuntimeError(msg)
        self._compiled.clear()


class _Logits(nn.Module):
    """A network without the padding round it, which depends on the picture's size."""

    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.logits(images)


def _converted(network: SegmentationNetwork, in_parts: bool) -> Any:
    # Not by openvino.convert_model, which would report this: see load_openvino.
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    shape = [side * network.stride for side in _EXAMPLE]
    images = torch.zeros(1, network.in_channels, *shape)
    images = parts_of(images) if in_parts else images
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        # Of torch about its own tracer, and of the tracer about shapes: see _check.
        warnings.simplefilter("ignore")
        decoder = TorchScriptPythonDecoder(_Logits(network), example_input=(images,))
        frontend = FrontEndManager().load_by_framework("pytorch")
        return frontend.convert(frontend.load(decoder))


def _key(network: SegmentationNetwork, path: Path, version: str, parts: bool) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    with suppress(OSError, TypeError):  # a frozen program has no sources
        for module in (type(network).__module__, first_layer_in_parts.__module__):
            digest.update(inspect.getsource(sys.modules[module]).encode())
    digest.update(f"{_FORMAT} {__version__} {version} {parts}".encode())
    return digest.hexdigest()[:32]


def _keep(ov: Any, model: Any, folder: Path) -> None:
    """Write a conversion, whole or not at all; without room it is made again."""
    try:
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="part-"))
        try:
            ov.save_model(model, made / _MODEL, compress_to_fp16=False)
            made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        _make_room(folder)
    except (OSError, RuntimeError):
        _log.info("The converted network is not kept.", exc_info=True)


def _make_room(newest: Path) -> None:
    sizes = {
        folder: sum(file.stat().st_size for file in folder.iterdir())
        for folder in newest.parent.iterdir()
        if folder.is_dir()
    }
    oldest = sorted(sizes, key=lambda folder: folder.stat().st_mtime)
    while sum(sizes.values()) > _MOST_BYTES and oldest[0] != newest:
        shutil.rmtree(oldest[0], ignore_errors=True)
        del sizes[oldest.pop(0)]
