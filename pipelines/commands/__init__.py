"""The commands of `grekko`, one a file: a plain function that does the work, and the function that the command line calls."""
