"""
Where this is found first there is no orjson.
"""

raise ImportError("this contestant has no orjson")
