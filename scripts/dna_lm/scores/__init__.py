"""Scores, the intervals around them, and what turns answers into labels."""
