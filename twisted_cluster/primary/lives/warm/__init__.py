"""
Workers that are forked from a process which has imported Twisted already.
"""
