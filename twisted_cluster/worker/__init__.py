"""
The child process: twistd with the cluster reactor.
"""
