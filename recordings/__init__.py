"""The shipped recording and what makes it: a seeded market, traders with habits, and the production contracts they trade on."""
