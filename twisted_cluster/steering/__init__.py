"""
Programs that the kernel runs to choose one of a listener's sockets.
"""
