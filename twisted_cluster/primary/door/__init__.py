"""
The door: accepted, waiting, given to a worker.
"""
