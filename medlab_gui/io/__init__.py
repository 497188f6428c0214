"""Files in and out: DICOM, NIfTI, NRRD, MetaImage.

pydicom, nibabel and SimpleITK are imported when a file asks for them.
"""

from medlab_gui.io.masks import mask_on_grid, read_mask
from medlab_gui.io.read import open_stream, read_checked, read_one, read_volume
from medlab_gui.io.scan import scan
from medlab_gui.io.series import FileSeries, Ignored, ScanResult
from medlab_gui.io.stream import VolumeStream
from medlab_gui.io.write import FORMATS, write_image, write_images

__all__ = [
    "FORMATS",
    "FileSeries",
    "Ignored",
    "ScanResult",
    "VolumeStream",
    "mask_on_grid",
    "open_stream",
    "read_checked",
    "read_mask",
    "read_one",
    "read_volume",
    "scan",
    "write_image",
    "write_images",
]
