"""The one exception that bad input raises, from every layer of the project."""


class InputError(ValueError):
    """Input that cannot be used; the message is one line for a person.

    It says what was wrong, where, and what is allowed. The command line prints it and exits
    with code 2; library users catch it as a `ValueError`.
    """
