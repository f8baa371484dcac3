"""
The lives of workers: started, heard, replaced, buried.
"""
