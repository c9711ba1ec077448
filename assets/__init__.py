"""What exists: one module per table, a folder per group."""

import warnings

import dagster as dg

# Runs over many days, and days that need the day before, are marked beta; each release is tried before it is locked.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
