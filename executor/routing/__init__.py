"""Routing: which pools a trade goes through, and in which parts. Pools come from files or from the lake, answers are exact."""

from executor.routing.pool_book import BookedPool, PoolBook, Token
from executor.routing.pool_files import load_pool_book
from executor.routing.single_path import Leg, Route, all_paths, best_path
from executor.routing.split import BestPath, SplitLeg, SplitRoute, get_best_path, split_route

__all__ = [
    "BestPath", "BookedPool", "Leg", "PoolBook", "Route", "SplitLeg", "SplitRoute", "Token", "all_paths", "best_path", "get_best_path",
    "load_pool_book", "split_route",
]  # fmt: skip
