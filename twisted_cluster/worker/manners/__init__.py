"""
How a worker that drains takes leave of whom it serves, in the words of each protocol.
"""
