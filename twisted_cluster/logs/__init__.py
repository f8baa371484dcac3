"""
The log as people and machines read it: lines, and where they go.
"""
