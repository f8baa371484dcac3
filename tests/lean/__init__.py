"""
The lean reactor, which is to be the stock one to everybody else.
"""
