"""Data on their way out: marts as CSV or Parquet, and one activity as GPX or TCX, each with where it came from."""
