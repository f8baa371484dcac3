"""
What C{handoff.py} makes of what it measured.
"""
