"""What the controller sends to a host and runs there: the agent and the courier. See `orchestrator.remote.bootstrap`.

These modules need nothing but Python 3.9 and its standard library, and import only each other. They are loaded in
every connection to a host, so what starts slowly (dataclasses, pathlib) is not used.
"""
