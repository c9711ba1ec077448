"""What regulators ask about: each trade, order, transfer and holding with who it was for and the codes that reports need."""
