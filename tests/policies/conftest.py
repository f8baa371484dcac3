"""
Hypothesis has no time limit of its own: the machine may be busy.
"""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
