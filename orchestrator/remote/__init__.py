"""How a host is reached: run, put, get and supervised processes, behind one Protocol."""
