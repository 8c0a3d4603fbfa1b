"""Who the person is: the custom User and their API tokens."""
