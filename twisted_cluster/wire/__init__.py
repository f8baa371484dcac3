"""
What the primary and a worker share: the only folder that holds descriptors.
"""
