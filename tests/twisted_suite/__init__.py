"""
Twisted's own tests, run on the cluster reactor and compared with the stock one.
"""
