"""The checks, a module a subject. Each public coroutine is one promise; `ranges_…` and `pairs_…` are for that shape alone."""
