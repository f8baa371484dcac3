"""
What a cluster can be told to do, where that takes more than a line.
"""
