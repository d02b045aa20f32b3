"""What each task of the command line does, over the rooms below."""
