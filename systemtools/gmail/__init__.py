"""Gmail: a person's own mail, searched, read, written and answered.

google    who signs people in, what is asked for, where the API is
writing   a mail that says what was approved, and nothing else
reading   what the API tells of a mail, as text
tool      the tool itself
"""
