"""
What is claimed in a test that anybody's runner runs.
"""


def claim(isTrue: object, what: str) -> None:
    """
    An assertion that pytest need not rewrite and C{python -O} does not leave out.
    """
    if not isTrue:
        raise AssertionError(what)
