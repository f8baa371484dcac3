"""
A steady load, and what became of each of its requests. It needs no Twisted, and runs in a
process of its own: C{Load} starts one.
"""
