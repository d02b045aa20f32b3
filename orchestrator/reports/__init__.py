"""Tables, plots and notebook helpers."""
