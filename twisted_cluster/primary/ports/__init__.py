"""
The ports: bound, shared, held, closed.
"""
