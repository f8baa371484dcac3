"""
Twisted's epoll reactor with fewer system calls. It needs nothing but Twisted.
"""
