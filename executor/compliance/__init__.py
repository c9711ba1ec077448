"""What the executor keeps and asks because a regulator wants it; what is asked of whom is read from the rulebook."""
