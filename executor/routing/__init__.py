"""Routing: which pools a trade goes through. Pools come from files or from the lake, answers are exact."""

from executor.routing.pool_book import BookedPool, PoolBook, Token
from executor.routing.pool_files import load_pool_book
from executor.routing.single_path import Leg, Route, all_paths, best_path

__all__ = ["BookedPool", "Leg", "PoolBook", "Route", "Token", "all_paths", "best_path", "load_pool_book"]
