"""Whoever uses tools on a person's behalf: the chat, its engine, `/v1`.

May import every room but config. `toolbox` has what a turn may use, `engine` and
`direct` answer, `runner` keeps a turn alive, `turns` are a person's verbs.
"""
