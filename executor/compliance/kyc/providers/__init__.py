"""The providers, a file each. What lies here can be named in a KYC chain; `executor/compliance/kyc/provider.py` says what one is."""
