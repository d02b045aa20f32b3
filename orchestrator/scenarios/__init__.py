"""One file per scenario: its parameters, rows and processes."""
