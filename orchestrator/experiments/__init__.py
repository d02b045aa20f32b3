"""Plan and runner of an experiment, and the records that they leave."""
