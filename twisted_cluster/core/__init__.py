"""
The pure core: no reactor, no descriptors, no clock.
"""
