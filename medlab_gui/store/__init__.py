"""Projects on disk: rows in a database, arrays in files, strokes in journals.

``project.ProjectStore`` is the whole of it. Nothing is imported here, so that the
database library is loaded only where a project is opened.
"""
