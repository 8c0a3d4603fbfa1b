"""The official MCP conformance suite against the client that people use.

The suite starts a server for each scenario and a command that has to act as a client.
Ours hands the scenario to one long-lived process, where a person of a real installation
does what the pages let people do: test a connection, sign in, save it, use its tools.
Nothing of the product knows that it is the suite that it talks to.

    legs      which scenarios, by which version of the suite, and which are exceptions
    suite     installs the suite by npm, and runs one scenario
    client    the command that the suite starts; it hands the scenario over
    driver    the process that it is handed to
    person    what the person does there
    browser   their browser, at the authorization server
    table     docs/conformance.md: what passed
"""
