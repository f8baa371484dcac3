"""
How servers start, for C{starting.py}.
"""
