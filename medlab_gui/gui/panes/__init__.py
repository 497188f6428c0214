"""Linked views of one series: planes, crosshair, slabs, layouts, 3D."""
