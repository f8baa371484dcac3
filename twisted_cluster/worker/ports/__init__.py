"""
The ports of the cluster reactor.
"""
