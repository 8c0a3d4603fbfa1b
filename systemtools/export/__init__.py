"""Export: a conversation, a tool's result or a table as a file.

tool      what can be asked
takeout   where conversations come from: a room that this one knows nothing of
writing   values as CSV, Markdown and JSON that do no harm where they are opened
files     the files: made, found by their owner alone, gone after a day
views     a file's address; `pages` says where
"""
