"""Names and addresses against the lists of those nobody may deal with. The lists are data in a folder, and are not shipped."""
