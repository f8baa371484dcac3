"""
Users' messages, alike in both kinds of process.
"""
