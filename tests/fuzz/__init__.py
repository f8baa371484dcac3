"""
Workers that know the protocol, and say what no worker would: each wire of the primary's.
"""
