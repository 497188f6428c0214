"""Panels beside the picture; each is a thin view of the workbench."""
