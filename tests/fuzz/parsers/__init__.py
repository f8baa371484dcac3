"""
Whatever bytes they are given, parsers say what it is, or that it is nothing, and soon.
"""
