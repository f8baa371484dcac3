"""
A worker that has imported Twisted before it is told which one it is.
"""
