"""Grading: questions, a runner that trusts no submission, reports.

``python -m attnbook.grade SUBMISSIONS --coursework PATH`` grades a folder of notebooks.
"""
