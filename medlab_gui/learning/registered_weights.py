"""Weights that were learned elsewhere, kept where every project finds them.

A folder of safetensors files, one for each name. What a file is, where it came from and
under which licence lies in its header under the key ``medlab_weights``.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import CheckpointError, InputError, SpecError, storage_error
from medlab_gui.core.whole_files import write_whole
from medlab_gui.learning.checkpoint import load_checkpoint
from medlab_gui.learning.weight_files import NotWeightsError, read_header, read_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from medlab_gui.learning.checkpoint import CheckpointMeta

__all__ = [
    "KNOWN",
    "KnownFile",
    "RegisteredWeights",
    "add_weights",
    "find_weights",
    "read_weights",
    "registered_weights",
]

_KEY = "medlab_weights"
_SUFFIX = ".safetensors"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# torch.hub names files by the beginning of their SHA-256.
_PROMISE = re.compile(r"-([0-9a-f]{8,64})\.(?:pth|pt|safetensors)$")
_FLOATS = ("float32", "float16", "bfloat16", "float64")
_COUNTER = "num_batches_tracked"  # of batch normalisation, in public files
_WHAT_IS_READ = (
    "MedLab reads files of tensors: torchvision's .pth, .safetensors, and its own "
    "checkpoints."
)


@dataclass(frozen=True)
class KnownFile:
    """A public file that MedLab knows how to use.

    Parameters
    ----------
    source : str
        Key of `networks.transfer.SOURCES`.
    title : str
        What a person reads.
    url : str
        Where it is to be had.
    sha256 : str
        Beginning of its SHA-256, which is part of the file's name; the whole where it
        was verified.
    licence : str
        Of the numbers, as far as it is stated.
    networks : tuple of str
        What takes it over.
    """

    source: str
    title: str
    url: str
    sha256: str
    licence: str
    networks: tuple[str, ...]


# torchvision's code is BSD-3-Clause. Of the weights it says that they may have terms of
# their own that come from the data they were trained on.
_LICENCE = (
    "BSD-3-Clause (torchvision); trained on ImageNet, whose pictures are for "
    "non-commercial research"
)
_PLACE = "https://download.pytorch.org/models/"
_VGG_NETWORKS = (
    *("msf_fcn", "fcn32s", "fcn8s", "segnet", "deeplab_v1"),
    "resnet_cbam_unet (encoder plain)",
)

KNOWN: tuple[KnownFile, ...] = (
    KnownFile(
        "vgg16",
        "VGG16, ImageNet",
        f"{_PLACE}vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        _LICENCE,
        _VGG_NETWORKS,
    ),
    KnownFile(
        "vgg16_bn",
        "VGG16 with batch normalisation, ImageNet",
        f"{_PLACE}vgg16_bn-6c64b313.pth",
        "6c64b313",
        _LICENCE,
        ("segnet",),
    ),
    KnownFile(
        "resnet50",
        "ResNet-50, ImageNet (first version)",
        f"{_PLACE}resnet50-0676ba61.pth",
        "0676ba61",
        _LICENCE,
        ("resnet_cbam_unet", "resnet50"),
    ),
    KnownFile(
        "resnet50",
        "ResNet-50, ImageNet (second version)",
        f"{_PLACE}resnet50-11ad3fa6.pth",
        "11ad3fa6",
        _LICENCE,
        ("resnet_cbam_unet", "resnet50"),
    ),
    KnownFile(
        "alexnet",
        "AlexNet, ImageNet",
        f"{_PLACE}alexnet-owt-7be5be79.pth",
        "7be5be79",
        _LICENCE,
        ("alexnet",),
    ),
    KnownFile(
        "inception_v3",
        "Inception-V3, ImageNet",
        f"{_PLACE}inception_v3_google-0cc3c7bd.pth",
        "0cc3c7bd",
        _LICENCE,
        ("inception_v3",),
    ),
)
"""Public files by their place; MedLab downloads none of them by itself."""


@dataclass(frozen=True)
class RegisteredWeights:
    """Weights that were added.

    Parameters
    ----------
    name : str
        By which recipes name them.
    path : Path
        The safetensors file.
    source : str
        Key of `networks.transfer.SOURCES`; "" for a checkpoint of MedLab's.
    title : str
        What a person reads.
    file : str
        Name of the file that was added.
    sha256 : str
        Of the file that was added.
    url, licence : str
        Where known; of unknown files "" and "not known to MedLab".
    network : dict
        `NetworkSpec` as data, of MedLab's own checkpoints; else empty.
    n_tensors, n_numbers : int
        How much is in it.
    """

    name: str
    path: Path
    source: str
    title: str
    file: str
    sha256: str
    url: str
    licence: str
    network: dict[str, Any]
    n_tensors: int
    n_numbers: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return {**asdict(self), "path": str(self.path)}


def add_weights(file: Path, folder: Path, name: str = "") -> RegisteredWeights:
    """Check a file of weights and keep it as safetensors.

    Parameters
    ----------
    file : Path
        A public file (`KNOWN`), or any other with the same tensors; or a checkpoint of
        MedLab's.
    folder : Path
        Where registered weights lie; made if it is not there.
    name : str
        How they shall be called; by default after the public network, or the
        checkpoint's name.

    Raises
    ------
    CheckpointError
        If it is no file of weights, is damaged, asks for more than tensors, is of no
        network that MedLab knows, or holds values that are not numbers.
    InputError
        If the name cannot be used, or other weights have it.
    StorageFullError
        If there is no room or no permission.
    """
    from safetensors.torch import save

    try:
        tensors, remarks = read_tensors(file, _WHAT_IS_READ)
    except NotWeightsError as error:
        msg = f"{file.name} is no file of weights: {error}. {_WHAT_IS_READ}"
        raise CheckpointError(msg, path=file) from error
    sha256 = _sha256(file)
    _keep_promise(file, sha256)
    meta = load_checkpoint(file)[0] if "medlab" in remarks else None
    about = {"sha256": sha256, **_about(file, tensors, sha256, meta)}
    _check_numbers(file, tensors)
    name = _checked_name(name, about["source"] or about["title"])
    kept = {w.name: w for w in registered_weights(folder)}.get(name)
    if kept is not None:
        if kept.sha256 == sha256:
            return kept
        msg = (
            f"There are other weights named {name!r} (from {kept.file}); choose "
            "another --name."
        )
        raise InputError(msg)
    metadata = {_KEY: json.dumps({**about, "format": 1, "file": file.name})}
    if meta is not None:
        metadata["medlab"] = json.dumps(meta.to_dict())
    # Tensors of a pickle may share memory, which safetensors does not take.
    whole = {key: tensor.clone().contiguous() for key, tensor in tensors.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    path = folder / f"{name}{_SUFFIX}"
    write_whole(path, save(whole, metadata=metadata))
    return _registered(path)


def _check_numbers(file: Path, tensors: dict[str, Tensor]) -> None:
    """Refuse what a network cannot take as it is: rounded, complex or no numbers."""
    for key, tensor in tensors.items():
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in _FLOATS and not (kind == "int64" and key.endswith(_COUNTER)):
            msg = (
                f"{file.name} cannot be used: {key} holds numbers of the type {kind}; "
                f"weights are {', '.join(_FLOATS)}."
            )
            raise CheckpointError(msg, path=file)
        if not bool(tensor.isfinite().all()):
            msg = f"{file.name} cannot be used: {key} holds values that are no numbers."
            raise CheckpointError(msg, path=file)


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _keep_promise(file: Path, sha256: str) -> None:
    promise = _PROMISE.search(file.name)
    if promise and not sha256.startswith(promise[1]):
        msg = (
            f"{file.name} is damaged or not what its name says: its SHA-256 begins "
            f"with {sha256[:8]}, not {promise[1]}. Download it again."
        )
        raise CheckpointError(msg, path=file)


def _about(
    file: Path, tensors: dict[str, Tensor], sha256: str, meta: CheckpointMeta | None
) -> dict[str, Any]:
    """Return what is known of weights: source, title, place, licence, network."""
    from medlab_gui.networks.transfer import SOURCES, identify

    about = {"source": "", "url": "", "licence": "not known to MedLab", "network": {}}
    if meta is not None:
        licence = str(meta.card.get("licence") or "as its model card says")
        network = meta.network.to_dict()
        return {**about, "title": meta.name, "licence": licence, "network": network}
    source = identify({k: tuple(t.shape) for k, t in tensors.items()})
    if not source:
        titles = ", ".join(s.title.partition(",")[0] for s in SOURCES.values())
        msg = (
            f"{file.name} holds tensors of no network that MedLab knows (the first is "
            f"{next(iter(tensors))}). It knows torchvision's {titles}, and checkpoints "
            "of its own."
        )
        raise CheckpointError(msg, path=file)
    for known in KNOWN:
        if known.source == source and sha256.startswith(known.sha256):
            return {
                **about,
                "source": source,
                "title": known.title,
                "url": known.url,
                "licence": known.licence,
            }
    title = f"{SOURCES[source].title.partition(',')[0]}, trained elsewhere"
    return {**about, "source": source, "title": title}


def _checked_name(name: str, suggestion: str) -> str:
    if not name:
        name = re.sub(r"[^a-z0-9._-]+", "-", suggestion.lower()).strip("-._")
        return name[:64] or "weights"
    if not _NAME.fullmatch(name):
        msg = (
            f"Weights cannot be named {name!r}: use small letters, digits, dots, - and "
            "_, 64 at most, e.g. vgg16-imagenet."
        )
        raise InputError(msg)
    return name


def registered_weights(folder: Path) -> list[RegisteredWeights]:
    """Return what was added, by name; files that are not ours are left out."""
    if not folder.is_dir():
        return []
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        try:
            found.append(_registered(path))
        except (CheckpointError, NotWeightsError, OSError):
            continue
    return sorted(found, key=lambda w: w.name)


def _registered(path: Path) -> RegisteredWeights:
    header = read_header(path)
    try:
        about = json.loads(header.metadata[_KEY])
        return RegisteredWeights(
            name=path.name.removesuffix(_SUFFIX),
            path=path,
            n_tensors=len(header.shapes),
            n_numbers=sum(_product(shape) for shape in header.shapes.values()),
            network=dict(about["network"]),
            **{
                key: str(about[key])
                for key in ("source", "title", "file", "sha256", "url", "licence")
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = "nothing says what these weights are"
        raise NotWeightsError(msg) from error


def _product(shape: tuple[int, ...]) -> int:
    result = 1
    for n in shape:
        result *= n
    return result


def find_weights(folder: Path, name: str) -> RegisteredWeights:
    """Return registered weights by their name.

    Raises
    ------
    SpecError
        If there are none; the nearest name and the way to add them are named.
    """
    names = {w.name: w for w in registered_weights(folder)}
    if name in names:
        return names[name]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    known = ", ".join(names) or "none yet"
    msg = (
        f"There are no registered weights named {name!r}; there are {known}.{hint} "
        "`medlab weights list` says where public ones are to be had, and `medlab "
        "weights add FILE` registers a file."
    )
    raise SpecError(msg)


def read_weights(weights: RegisteredWeights) -> dict[str, Tensor]:
    """Return the tensors of registered weights, on the CPU.

    Raises
    ------
    CheckpointError
        If the file is damaged or gone.
    """
    try:
        return read_tensors(weights.path, _WHAT_IS_READ)[0]
    except NotWeightsError as error:
        msg = f"The registered weights {weights.name!r} are damaged; add them again."
        raise CheckpointError(msg, path=weights.path) from error
