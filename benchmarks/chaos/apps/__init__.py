"""
The same application for each kind of server: it takes 5 ms, and sends its answer in two
parts, so that there is something that can be cut.
"""
