"""Layout on disk, samples to Parquet, statistics and verdicts."""
