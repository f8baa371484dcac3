"""
The control socket: what a cluster tells operators, and what they can tell it.
"""
