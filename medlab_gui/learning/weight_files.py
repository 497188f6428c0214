"""Files of weights of any kind: read as tensors, never as code."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import CheckpointError
from medlab_gui.core.places import WINDOWS

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = [
    "Header",
    "NotWeightsError",
    "damaged",
    "is_pickle",
    "load_pickle",
    "load_tensors",
    "read_header",
    "read_tensors",
]

_LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format itself
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
_PARALLEL = "module."  # what torch's DataParallel puts before each name


class NotWeightsError(ValueError):
    """The file is of another kind; the message says what it lacks."""


@dataclass(frozen=True)
class Header:
    """What a safetensors file says of itself.

    Parameters
    ----------
    metadata : dict of str to str
        Free text by key.
    shapes : dict of str to tuple of int
        Of each tensor.
    """

    metadata: dict[str, str]
    shapes: dict[str, tuple[int, ...]]


def damaged(path: Path) -> CheckpointError:
    """Return what to raise for a file that is cut off or garbled."""
    msg = (
        f"The checkpoint {path.name} is damaged or incomplete; copy it again from "
        "where it came from."
    )
    return CheckpointError(msg, path=path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Raises
    ------
    CheckpointError
        If the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise damaged(path) from error
    if WINDOWS:
        # They are the mapped file, which Windows neither replaces nor deletes.
        return {name: tensor.clone() for name, tensor in tensors.items()}
    return tensors


def is_pickle(path: Path) -> bool:
    """Tell by the first bytes whether ``torch.save`` may have written the file.

    Raises
    ------
    CheckpointError
        If there is no such file, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError as error:
        msg = f"There is no checkpoint at {path}. Check the name of the file."
        raise CheckpointError(msg, path=path) from error
    except IsADirectoryError as error:
        msg = f"{path} is a folder; name the checkpoint file in it."
        raise CheckpointError(msg, path=path) from error
    except OSError as error:
        if path.is_dir():  # Windows says "permission denied" of a folder
            msg = f"{path} is a folder; name the checkpoint file in it."
        else:
            msg = f"{path} cannot be read: {error.strerror}."
        raise CheckpointError(msg, path=path) from error
    # Zip archives (torch since 1.6), or bare pickles of protocol 2 and newer. The
    # length of a safetensors header may begin with the same two bytes, but then zeros
    # and the brace of the header follow.
    if start.startswith(b"PK\x03\x04"):
        return True
    is_protocol = start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5")
    return is_protocol and start[4:9] != b"\0\0\0\0{"


def load_pickle(path: Path, what_is_read: str) -> Any:
    """Return what ``torch.save`` wrote, where it is tensors and plain containers.

    Parameters
    ----------
    path : Path
        The file.
    what_is_read : str
        A sentence on what MedLab reads instead, for the message.

    Raises
    ------
    CheckpointError
        If it asks for more than tensors (which would run code), or is damaged.
    NotWeightsError
        If ``torch.save`` did not write it.
    """
    import pickle
    import warnings

    import torch

    try:
        # From an open file: given a path, torch goes by the suffix. It warns of unusual
        # pickles before it refuses them; the refusal is enough.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "nsupported" not in str(error):  # "Unsupported global", "unsupported GLOBAL"
            raise damaged(path) from error
        msg = (
            f"{path.name} asks for more than tensors: it is a pickle that would run "
            f"code when opened, and MedLab does not open it. {what_is_read}"
        )
        raise CheckpointError(msg, path=path) from error
    except (RuntimeError, EOFError, OSError, ValueError, LookupError) as error:
        msg = "its content is not what torch.save writes"
        if not zipfile.is_zipfile(path):  # the table of contents is at the end
            msg = f"it is cut off (download it again then), or {msg}"
        raise NotWeightsError(msg) from error


def read_header(path: Path) -> Header:
    """Return what a safetensors file says of itself; needs no torch.

    Raises
    ------
    CheckpointError
        If it is damaged.
    NotWeightsError
        If it is no safetensors file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or not 2 <= length <= _LONGEST_HEADER:
            raise NotWeightsError("it does not begin with a safetensors header")
        if 8 + length > size:
            start = file.read(1)
            if start == b"{":
                raise damaged(path)
            raise NotWeightsError("it does not begin with a safetensors header")
        text = file.read(length)
    try:
        header = json.loads(text)
        tensors = {k: v for k, v in header.items() if k != "__metadata__"}
        ends = [int(v["data_offsets"][1]) for v in tensors.values()]
        shapes = {k: tuple(int(n) for n in v["shape"]) for k, v in tensors.items()}
        metadata = dict(header.get("__metadata__") or {})
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        msg = "its header is not that of safetensors"
        raise NotWeightsError(msg) from error
    if size != 8 + length + max(ends, default=0):
        raise damaged(path)
    return Header(metadata, shapes)


def read_tensors(
    path: Path, what_is_read: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file by name, whoever wrote it, and its remarks.

    Parameters
    ----------
    path : Path
        A safetensors file, or what ``torch.save`` wrote: tensors by name, alone or
        under ``"state_dict"``, ``"model"`` and the like.
    what_is_read : str
        As in `load_pickle`.

    Returns
    -------
    tensors : dict of str to Tensor
        On the CPU.
    remarks : dict of str to str
        Text beside the tensors, by key.

    Raises
    ------
    CheckpointError
        If the file is damaged, or asks for or holds more than tensors.
    NotWeightsError
        If it is no file of weights.
    """
    if not is_pickle(path):
        remarks = read_header(path).metadata
        return load_tensors(path), remarks
    from torch import Tensor

    content = load_pickle(path, what_is_read)
    remarks = {}
    if isinstance(content, dict):
        remarks = {k: v for k, v in content.items() if isinstance(v, str)}
        content = next((content[k] for k in _WRAPPERS if k in content), content)
    if not isinstance(content, dict) or not content:
        raise NotWeightsError("it holds no tensors by name")
    if not all(
        isinstance(name, str) and isinstance(tensor, Tensor)
        for name, tensor in content.items()
    ):
        raise NotWeightsError("it holds more than tensors by name")
    tensors = {
        name.removeprefix(_PARALLEL): tensor.detach()
        for name, tensor in content.items()
    }
    return tensors, remarks
