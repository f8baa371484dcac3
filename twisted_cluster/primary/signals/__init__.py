"""
What the primary of C{twistd cluster} makes of signals.
"""
