"""Analytics: what became of a person's own calls, counted.

tool       what can be asked
evidence   a person's calls of some days, read newest first, as many as allowed
counting   calls, errors and how long they took, in groups
"""
