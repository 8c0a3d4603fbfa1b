"""The agent behind OpenAI's ChatKit front end: another face of the same conversations.

    urls       where it is: /chatkit, /chatkit/config, /chatkit/demo
    dispatch   what a client asks, as one of the verbs of `agent.conversations`
    threads    conversations as threads; `listing` page by page
    items      an answer as items; `changes` as what is streamed of it
    options    what a ChatKit front end is configured with

Only here `chatkit` is imported, which is an extra (requirements-chatkit.txt), and of
it the types alone: its server would bring a second store and a second agent.
"""
