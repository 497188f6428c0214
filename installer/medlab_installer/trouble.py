"""What the user can mend, as one sentence."""


class Trouble(Exception):  # noqa: N818 - not an error of the program
    """Something is missing or in the way; the text says what, and what to do."""
